"""What the page says of attribution: where the network looks, and which method of showing it can be trusted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.reporting import figures
from mien.reporting.explained import Explanation
from mien.reporting.formatting import count, decimal, listing, percent
from mien.reporting.pictures import grey, heat
from mien.reporting.run_files import RunFiles

MOST_FACES = 70
"""About so many faces are shown, as many of each class; more are left to `attribution.npz`."""
SAME = 0.3
"""A rank correlation above this, with the maps of random weights, is called much of the order."""
KINDS = ("Right", "Wrong")
FEATURES = ("brows", "eyes", "nose", "mouth")


def attribution(files: RunFiles) -> dict[str, Any] | str:
    """Show where the network looks.

    Args:
        files: the run's files.

    Returns:
        What `attribution.html` shows; or the line that stands in its place.
    """
    kept = files.attribution
    if kept is None:
        return "No explanation yet: `mien explain RUN` shows what the network looks at."
    values, compared = kept.values, kept.values["comparison"]
    best = most_faithful(compared)
    curves, classes = _curves_caption(compared, best), _by_class(kept)
    return {
        "split": values["split"],
        "synthetic": values["synthetic"],
        "best": best,
        "sentences": [
            *(_looks(compared, best) if compared["methods"][best]["beats_controls"] else ()),
            *_trust(compared, best),
        ],
        "methods": compared["methods"],
        "controls": compared["controls"],
        "faces": compared["faces"],
        "randomised": compared["randomised_faces"],
        "mask_area": compared["mask_area"],
        "charts": [
            figures.faithfulness(compared, kind, best=best, alt=f"{kind}. {curves}")
            for kind in ("deletion", "insertion")
        ],
        "caption": curves,
        "regions": [
            {"name": name, "area": area, "shares": [each["regions"][name] for each in compared["methods"].values()]}
            for name, area in compared["region_areas"].items()
        ],
        "class_maps": [
            {"name": name, "png": None if np.isnan(each).any() else heat(each)}
            for name, each in zip(values["classes"], kept.arrays[f"{best}/class_maps"], strict=True)
        ],
        "share": values["share"],
        "layer": values["layer"],
        "classes": classes,
        "left_out": len(kept.arrays["images"]) - sum(len(faces) for each in classes for _, faces in each["kinds"]),
    }


def most_faithful(compared: dict[str, Any]) -> str:
    """Name the method with the highest score, of those that beat both controls if any does."""
    methods: dict[str, Any] = compared["methods"]
    beating = [name for name, each in methods.items() if each["beats_controls"]]
    return max(beating or methods, key=lambda name: methods[name]["score"])


def where_it_looks(files: RunFiles) -> Iterator[str]:
    """Say in one sentence where the network looks, or that no map tells, if the run was explained."""
    if files.attribution:
        compared = files.attribution.values["comparison"]
        best = most_faithful(compared)
        trusted = compared["methods"][best]["beats_controls"]
        yield next(_looks(compared, best)) if trusted else next(_trust(compared, best))


def _looks(compared: dict[str, Any], best: str) -> Iterator[str]:
    method, area = compared["methods"][best], compared["region_areas"]
    regions, interval = method["regions"], method["features"]["interval"]
    if regions["mouth"] is None or interval is None:
        yield f"The maps of {best} are empty: nothing speaks for what the network said."
        return
    inside, chance = sum(regions[name] for name in FEATURES), sum(area[name] for name in FEATURES)
    order = sorted(FEATURES, key=lambda name: regions[name] / area[name], reverse=True)
    verdict = (
        "less at the features of the face than chance would"
        if interval[1] < 0
        else "not surely more at the features of the face than chance would"
        if interval[0] <= 0
        else "mainly at the features of the face"
        if inside > 0.5
        else "more at the features of the face than chance would"
    )
    parts = [f"the {name} ({regions[name] / area[name]:.1f} times)" for name in order]
    low, high = (percent(chance + end, 0) for end in interval)
    yield (
        f"The network looks {verdict}: {percent(inside, 0)} of what {best} attributes (95 % interval {low} to {high}) "
        f"falls on brows, eyes, nose and mouth, which are {percent(chance, 0)} of the picture."
    )
    yield f"Against their area, most goes to {listing(parts)}; {percent(regions['outside'], 0)} falls outside the face."


def _trust(compared: dict[str, Any], best: str) -> Iterator[str]:
    methods, centre = compared["methods"], compared["controls"]["centre first"]["score"]
    beating = [name for name, each in methods.items() if each["beats_controls"]]
    if not beating:
        yield (
            "What the network looks at can't be told: no method orders the picture better than both controls, chance "
            "and “the centre first”. Do not trust the maps."
        )
        return
    others = [name for name in methods if name not in beating]
    whose = "its" if len(others) == 1 else "their"
    rest = f" Not so {listing(others)}: don't trust {whose} maps here." if others else ""
    yield (
        f"{listing(beating).capitalize()} {'orders' if len(beating) == 1 else 'order'} the picture better than both "
        f"controls, chance and “the centre first”; {best} does so best, with a score of "
        f"{decimal(methods[best]['score'], 2)} against {decimal(centre, 2)} for the centre.{rest}"
    )
    same = [name for name in methods if methods[name]["randomisation"]["all layers"] > SAME]
    if same:
        yield (
            f"{listing(same).capitalize()} {'keeps' if len(same) == 1 else 'keep'} much of the order of "
            f"{'its' if len(same) == 1 else 'their'} maps even when all weights are random: what "
            f"{'it shows' if len(same) == 1 else 'they show'} is partly the face itself."
        )


def _curves_caption(compared: dict[str, Any], best: str) -> str:
    each, centre = compared["methods"][best], compared["controls"]["centre first"]
    return (
        "Mean probability of what the network said, while the parts that a method calls most important are taken out "
        "of the face (left; lower is better) or put into a blurred one (right; higher is better). "
        f"Bold: {best}, with areas of {each['deletion']:.2f} and {each['insertion']:.2f}, against "
        f"{centre['deletion']:.2f} and {centre['insertion']:.2f} for the centre first; thin: the other methods. "
        f"{count(compared['faces'])} faces."
    )


def _by_class(kept: Explanation) -> list[dict[str, Any]]:
    """Sort the shown faces by their own class, right ones apart from wrong ones."""
    arrays, names = kept.arrays, kept.values["classes"]
    most = max(1, MOST_FACES // (2 * len(names)))
    right = arrays["labels"] == arrays["targets"]
    groups = []
    for target, name in enumerate(names):
        own = arrays["targets"] == target
        rows = [np.flatnonzero(own & hit)[:most] for hit in (right, ~right)]
        if own.any():
            kinds = [(kind, [_face(kept, int(row)) for row in each]) for kind, each in zip(KINDS, rows, strict=True)]
            groups.append({"name": name, "kinds": kinds})
    return groups


def _face(kept: Explanation, row: int) -> dict[str, Any]:
    arrays, names = kept.arrays, kept.values["classes"]
    label, target = int(arrays["labels"][row]), int(arrays["targets"][row])

    def pictures(method: str) -> dict[str, str]:
        maps: NDArray[np.floating] = arrays[f"{method}/maps"][row]
        return {"map": heat(maps), "masked": grey(arrays[f"{method}/masked"][row])}

    return {
        "id": str(arrays["ids"][row]),
        "png": grey(arrays["images"][row]),
        "right": label == target,
        "label": names[label],
        "target": names[target],
        "probability": float(arrays["probabilities"][row, label]),
        "methods": {method: pictures(method) for method in kept.values["methods"]},
    }
