"""The page's section about attribution: where the network looks, and which method of showing it can be trusted."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from mien.core.explanations import Explanation, MethodComparison
from mien.reporting import figures
from mien.reporting.explained import Part
from mien.reporting.formatting import count, decimal, listing, percent
from mien.reporting.pictures import grey_png, heat_png
from mien.reporting.run_files import RunFiles
from mien.reporting.view import Values, View

MOST_FACES = 70
"""About so many faces are shown, equally many of each class; more are only in `attribution.npz`."""

HIGH_CORRELATION = 0.3
"""A rank correlation above this, with the maps of random weights, is called much of the order."""

FEATURES = ("brows", "eyes", "nose", "mouth")


def attribution(files: RunFiles) -> View:
    """Show where the network looks.

    Args:
        files: the run's files.

    Returns:
        What `attribution.html` shows; or the line that stands in its place.
    """
    part = files.attribution
    if part is None:
        return "No explanation yet: `mien explain RUN` shows what the network looks at."
    summary, comparison = part.summary, part.summary.comparison
    best = most_faithful(comparison)
    sentences: list[str] = []
    if comparison.methods[best].beats_controls:
        sentences += _looks(comparison, best)
    sentences += _trust(comparison, best)
    caption = _curves_caption(comparison, best)
    charts = []
    kinds: tuple[Literal["deletion", "insertion"], ...] = ("deletion", "insertion")
    for kind in kinds:
        charts.append(figures.faithfulness(comparison, kind, best=best, alt=f"{kind}. {caption}"))
    regions = []
    for name, area in comparison.region_areas.items():
        shares = [method.regions[name] for method in comparison.methods.values()]
        regions.append({"name": name, "area": area, "shares": shares})
    class_maps = []
    for name, class_map in zip(summary.classes, part.arrays[f"{best}/class_maps"], strict=True):
        class_maps.append({"name": name, "png": None if np.isnan(class_map).any() else heat_png(class_map)})
    classes, shown = _by_class(part)
    return {
        "split": summary.split,
        "synthetic": summary.synthetic,
        "best": best,
        "sentences": sentences,
        "methods": comparison.methods,
        "controls": comparison.controls,
        "faces": comparison.faces,
        "randomised": comparison.randomised_faces,
        "mask_area": comparison.mask_area,
        "charts": charts,
        "caption": caption,
        "regions": regions,
        "class_maps": class_maps,
        "share": summary.share,
        "layer": summary.layer,
        "classes": classes,
        "left_out": len(part.arrays["images"]) - shown,
    }


def most_faithful(comparison: MethodComparison) -> str:
    """Name the method with the highest score, of those that beat both controls if any does."""
    candidates = _beating(comparison) or list(comparison.methods)
    return max(candidates, key=lambda name: comparison.methods[name].score)


def where_it_looks(files: RunFiles) -> Iterator[str]:
    """Say in one sentence where the network looks, or that no map tells it, if the run was explained."""
    if files.attribution:
        comparison = files.attribution.summary.comparison
        best = most_faithful(comparison)
        if comparison.methods[best].beats_controls:
            yield next(_looks(comparison, best))
        else:
            yield next(_trust(comparison, best))


def _beating(comparison: MethodComparison) -> list[str]:
    return [name for name, method in comparison.methods.items() if method.beats_controls]


def _looks(comparison: MethodComparison, best: str) -> Iterator[str]:
    method, area = comparison.methods[best], comparison.region_areas
    interval = method.features_over_area.interval
    shares = {name: share for name, share in method.regions.items() if share is not None}
    if not shares or interval is None:
        yield f"The maps of {best} are empty: nothing speaks for the predicted classes."
        return
    inside = sum(shares[name] for name in FEATURES)
    chance = sum(area[name] for name in FEATURES)
    if interval[1] < 0:
        verdict = "less at the features of the face than chance would"
    elif interval[0] <= 0:
        verdict = "not surely more at the features of the face than chance would"
    elif inside > 0.5:
        verdict = "mainly at the features of the face"
    else:
        verdict = "more at the features of the face than chance would"
    low, high = percent(chance + interval[0], 0), percent(chance + interval[1], 0)
    yield (
        f"The network looks {verdict}: {percent(inside, 0)} of what {best} attributes (95 % interval {low} to {high}) "
        f"falls on brows, eyes, nose and mouth, which cover {percent(chance, 0)} of the picture."
    )
    density = {name: shares[name] / area[name] for name in FEATURES}
    order = sorted(FEATURES, key=lambda name: density[name], reverse=True)
    parts = [f"the {name} ({density[name]:.1f} times)" for name in order]
    outside = percent(shares["outside"], 0)
    yield f"Relative to their area, most goes to {listing(parts)}; {outside} falls outside the face."


def _trust(comparison: MethodComparison, best: str) -> Iterator[str]:
    methods, centre = comparison.methods, comparison.controls["centre first"].score
    beating = _beating(comparison)
    if not beating:
        yield (
            "It can't be told what the network looks at: no method orders the picture better than both controls, "
            "chance and “the centre first”. Do not trust the maps."
        )
        return
    others = [name for name in methods if name not in beating]
    if len(others) == 1:
        rest = f" {others[0].capitalize()} does not: don't trust its maps here."
    elif others:
        rest = f" {listing(others).capitalize()} do not: don't trust their maps here."
    else:
        rest = ""
    verb = "orders" if len(beating) == 1 else "order"
    yield (
        f"{listing(beating).capitalize()} {verb} the picture better than both controls, chance and “the centre first”; "
        f"{best} does so best, with a score of {decimal(methods[best].score, 2)} against {decimal(centre, 2)} for the "
        f"centre.{rest}"
    )
    unchanged = [name for name, method in methods.items() if method.randomisation["all layers"] > HIGH_CORRELATION]
    if len(unchanged) == 1:
        yield (
            f"{unchanged[0].capitalize()} keeps much of the order of its maps even when all weights are random: what "
            "it shows is partly the face itself."
        )
    elif unchanged:
        yield (
            f"{listing(unchanged).capitalize()} keep much of the order of their maps even when all weights are random: "
            "what they show is partly the face itself."
        )


def _curves_caption(comparison: MethodComparison, best: str) -> str:
    method, centre = comparison.methods[best], comparison.controls["centre first"]
    return (
        "Mean probability of the predicted class, while the parts that a method calls most important are taken out "
        "of the face (left; lower is better) or put into a blurred one (right; higher is better). "
        f"Bold: {best}, with areas of {method.deletion:.2f} and {method.insertion:.2f}, against "
        f"{centre.deletion:.2f} and {centre.insertion:.2f} for the centre first; thin: the other methods. "
        f"{count(comparison.faces)} faces."
    )


def _by_class(part: Part[Explanation]) -> tuple[list[Values], int]:
    """Group the faces by their target, right ones apart from wrong ones; also count the faces that are shown."""
    arrays, names = part.arrays, part.summary.classes
    most = max(1, MOST_FACES // (2 * len(names)))
    is_right = arrays["labels"] == arrays["targets"]
    groups, shown = [], 0
    for target, name in enumerate(names):
        of_class = arrays["targets"] == target
        if not of_class.any():
            continue
        kinds = []
        for kind, mask in (("Right", of_class & is_right), ("Wrong", of_class & ~is_right)):
            faces = [_face(part, int(row)) for row in np.flatnonzero(mask)[:most]]
            kinds.append((kind, faces))
            shown += len(faces)
        groups.append({"name": name, "kinds": kinds})
    return groups, shown


def _face(part: Part[Explanation], row: int) -> Values:
    arrays, names = part.arrays, part.summary.classes
    label, target = int(arrays["labels"][row]), int(arrays["targets"][row])
    methods = {}
    for method in part.summary.methods:
        methods[method] = {
            "map": heat_png(arrays[f"{method}/maps"][row]),
            "masked": grey_png(arrays[f"{method}/masked"][row]),
        }
    return {
        "id": str(arrays["ids"][row]),
        "png": grey_png(arrays["images"][row]),
        "right": label == target,
        "label": names[label],
        "target": names[target],
        "probability": float(arrays["probabilities"][row, label]),
        "methods": methods,
    }
