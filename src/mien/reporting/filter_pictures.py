"""The page's section about filters and feature maps."""

from collections.abc import Iterator

from mien.core.explanations import FeatureMapSummary, FilterSummary
from mien.reporting.explained import Part
from mien.reporting.formatting import count, decimal, plural, signed
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
    summary = part.summary
    shown = range(min(summary.filters, MOST_FILTERS))
    if summary.simple_pictures:
        pictures = [_compared(part, row) for row in shown]
        figures = "the filter’s mean output, in standard deviations above its mean over the faces"
    else:
        pictures = [_not_compared(part, row) for row in shown]
        figures = "the mean of the layer’s output over the map of that filter"
    return {
        "layer": summary.layer,
        "sentences": list(_sentences(summary)),
        "figures": figures,
        "left_out": max(0, summary.filters - MOST_FILTERS),
        "pictures": pictures,
    }


def _sentences(summary: FilterSummary) -> Iterator[str]:
    if summary.filters == summary.layer_filters:
        which = f"All {plural(summary.filters, 'filter')}"
    else:
        which = f"{count(summary.filters)} of the {plural(summary.layer_filters, 'filter')}"
    yield (
        f"{which} of {summary.layer}. A picture was made for each by gradient ascent: it looks for what excites the "
        "filter most, and may miss it."
    )
    if not summary.simple_pictures:
        yield (
            f"Below it are the faces, among {count(summary.faces)}, that excite the filter most. Whether plain greys, "
            "stripes or checks excite it more than the made picture was not looked at: explain the run again."
        )
        return
    yield (
        f"Below it are first the simple picture (of {count(summary.simple_pictures)}: plain greys, stripes, checks, "
        f"blobs), then the faces (of {count(summary.faces)}) that excite the filter most."
    )
    above_faces, above_simple = _of_all(summary.above_all_faces, summary), _of_all(summary.above_all_simple, summary)
    yield (
        f"The made picture excites its filter more than every face {above_faces}, and more than every simple picture "
        f"{above_simple}."
    )
    if summary.above_all_simple < summary.filters:
        yield (
            "Where the simple picture excites the filter more, that is the large one, in a frame, and the made picture "
            "is the first below."
        )


def _of_all(filters: int, summary: FilterSummary) -> str:
    if filters == summary.filters:
        return "for every filter"
    return f"for {count(filters)} of {count(summary.filters)} filters"


def _compared(part: Part[FilterSummary], row: int) -> Values:
    """Values of a filter whose made picture was compared with simple ones; the stronger of the two is the large one."""
    arrays = part.arrays
    mean, sd = float(arrays["real_means"][row]), float(arrays["real_sds"][row])

    def above_mean(activation: float) -> str:
        if not sd:
            return "–"
        return signed((activation - mean) / sd, 2)  # some leads are small

    made, simple = float(arrays["activations"][row]), float(arrays["simple_activations"][row])
    name = str(arrays["simple_names"][row])
    pictures = [("made picture", arrays["pictures"][row]), (name, arrays["simple_images"][row])]
    if simple >= made:
        pictures.reverse()
    (large_name, large), (small_name, small) = pictures
    return {
        "channel": int(arrays["channels"][row]),
        "name": large_name,
        "png": grey_png(large),
        "framed": simple >= made,
        "small": [(small_name, grey_png(small)), *_faces(part, row)],
        "figures": [
            ("made picture", above_mean(made)),
            (name, above_mean(simple)),
            ("best face", above_mean(float(arrays["real_activations"][row, 0]))),
        ],
    }


def _not_compared(part: Part[FilterSummary], row: int) -> Values:
    """Values of a filter that an older mien has explained."""
    arrays = part.arrays
    return {
        "channel": int(arrays["channels"][row]),
        "name": "made picture",
        "png": grey_png(arrays["pictures"][row]),
        "framed": False,
        "small": _faces(part, row),
        "figures": [
            ("made picture", decimal(float(arrays["activations"][row]), 2)),
            ("best face", decimal(float(arrays["real_activations"][row, 0]), 2)),
        ],
    }


def _faces(part: Part[FilterSummary], row: int) -> list[tuple[str, str]]:
    return [("A face that excites it", grey_png(face)) for face in part.arrays["real_images"][row]]


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
