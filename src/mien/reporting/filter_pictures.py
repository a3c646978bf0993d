"""The page's section about filters and feature maps."""

from mien.core.explanations import FeatureMapSummary, FilterSummary
from mien.reporting.explained import Part
from mien.reporting.formatting import count, plural
from mien.reporting.pictures import grey_png, heat_png
from mien.reporting.run_files import RunFiles
from mien.reporting.view import Values, View

MOST_FILTERS, MOST_MAPS = 64, 48
"""More are only in the `.npz` files."""


def filters(files: RunFiles) -> View:
    """Show what excites the filters of a layer, and the layer's output for one face.

    Args:
        files: the run's files.

    Returns:
        `filters` (or None) and `maps` (or None), for `filters.html`; or the line that stands in their place.
    """
    if files.filters is None and files.feature_maps is None:
        return "No pictures of filters yet: `mien explain RUN` makes them; `--filters conv2 --count all` chooses which."
    return {
        "filters": None if files.filters is None else _filters(files.filters),
        "maps": None if files.feature_maps is None else _maps(files.feature_maps),
    }


def _filters(part: Part[FilterSummary]) -> Values:
    summary, arrays = part.summary, part.arrays
    if summary.above_all_faces == summary.filters:
        above = "for every filter"
    else:
        above = f"for {count(summary.above_all_faces)} of {count(summary.filters)} filters"
    pictures = []
    for row in range(min(summary.filters, MOST_FILTERS)):
        pictures.append(
            {
                "channel": int(arrays["channels"][row]),
                "png": grey_png(arrays["pictures"][row]),
                "activation": float(arrays["activations"][row]),
                "best": float(arrays["real_activations"][row, 0]),
                "faces": [grey_png(face) for face in arrays["real_images"][row]],
            }
        )
    return {
        "layer": summary.layer,
        "sentence": (
            f"{count(summary.filters)} of the {plural(summary.layer_filters, 'filter')} of {summary.layer}. "
            "Each large picture was made by gradient ascent to excite one filter as much as a picture can. "
            f"Below it are the faces, among {count(summary.faces)}, that excite the filter most. "
            f"The made picture excites its filter more than any of these faces {above}."
        ),
        "left_out": max(0, summary.filters - MOST_FILTERS),
        "pictures": pictures,
    }


def _maps(part: Part[FeatureMapSummary]) -> Values:
    maps, channels = part.arrays["maps"], part.arrays["channels"]
    shown = []
    for row in range(min(len(maps), MOST_MAPS)):
        shown.append({"channel": int(channels[row]), "png": heat_png(abs(maps[row]))})
    return {
        "layer": part.summary.layer,
        "face": part.summary.face,
        "png": grey_png(part.arrays["image"]),
        "size": f"{maps.shape[1]}×{maps.shape[2]}",
        "count": len(maps),
        "shown": shown,
    }
