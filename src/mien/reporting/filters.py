"""What the page says of filters and feature maps."""

from typing import Any

from mien.reporting.formatting import count, plural
from mien.reporting.pictures import grey, heat
from mien.reporting.run_files import RunFiles

MOST_FILTERS, MOST_MAPS = 64, 48
"""More are left to the `.npz` files."""


def filters(files: RunFiles) -> dict[str, Any] | str:
    """Show what excites the filters of a layer, and what the layer answers to one face.

    Args:
        files: the run's files.

    Returns:
        `filters` (or None) and `maps` (or None), for `filters.html`; or the line that stands in their place.
    """
    if files.filters is None and files.feature_maps is None:
        return "No pictures of filters yet: `mien explain RUN` makes them; `--filters conv2 --count all` chooses which."
    return {"filters": _filters(files), "maps": _maps(files)}


def _filters(files: RunFiles) -> dict[str, Any] | None:
    kept = files.filters
    if kept is None:
        return None
    values, arrays = kept.values, kept.arrays
    above, made = values["above_all_faces"], values["filters"]
    return {
        "layer": values["layer"],
        "sentence": (
            f"{count(made)} of the {plural(values['of'], 'filter')} of {values['layer']}. Each large picture was made "
            "by gradient ascent to excite one filter as much as a picture can; below it are the faces that excite the "
            f"filter most, of {count(values['faces'])}. The made picture excites its filter more than any of these "
            f"faces {'for every one' if above == made else f'for {count(above)} of {count(made)}'}."
        ),
        "left_out": max(0, made - MOST_FILTERS),
        "units": [
            {
                "unit": int(arrays["units"][place]),
                "png": grey(arrays["pictures"][place]),
                "activation": float(arrays["activations"][place]),
                "best": float(arrays["real_activations"][place, 0]),
                "faces": [grey(face) for face in arrays["real_images"][place]],
            }
            for place in range(min(made, MOST_FILTERS))
        ],
    }


def _maps(files: RunFiles) -> dict[str, Any] | None:
    kept = files.feature_maps
    if kept is None:
        return None
    maps, channels = kept.arrays["maps"], kept.arrays["channels"]
    return {
        "layer": kept.values["layer"],
        "face": kept.values["face"],
        "png": grey(kept.arrays["image"]),
        "size": f"{maps.shape[1]}×{maps.shape[2]}",
        "count": len(maps),
        "shown": [
            {"channel": int(channels[place]), "png": heat(abs(maps[place]))}
            for place in range(min(len(maps), MOST_MAPS))
        ],
    }
