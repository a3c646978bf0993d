"""The page's section about attribution: where the network looks, and which method of showing it can be trusted."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from mien.core.explanations import (
    HIGH_CORRELATION,
    LEAST_LEAD,
    BlankedFeatures,
    Explanation,
    MethodComparison,
    NullShare,
    PairedDifference,
)
from mien.reporting import figures
from mien.reporting.explained import Part
from mien.reporting.formatting import count, decimal, listing, percent, points_span, span
from mien.reporting.pictures import grey_png, heat_png
from mien.reporting.run_files import RunFiles
from mien.reporting.view import Values, View

MOST_FACES = 70
"""About so many faces are shown, equally many of each class; more are only in `attribution.npz`."""

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
    summary, comparison, guessing = part.summary, part.summary.comparison, part.summary.against_guessing
    best = most_faithful(comparison)
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
        "knows_something": guessing is None or guessing.is_better,
        "sentences": list(_sentences(summary)),
        "methods": comparison.methods,
        "converges": any(method.convergence_delta is not None for method in comparison.methods.values()),
        "controls": comparison.controls,
        "faces": comparison.faces,
        "randomised": comparison.randomised_faces,
        "mask_area": comparison.mask_area,
        "charts": charts,
        "caption": caption,
        "regions": regions,
        "without_features": summary.features,
        "nulls": comparison.nulls,
        "high_correlation": HIGH_CORRELATION,
        "features": _on_features(comparison, best),
        "feature_area": sum(comparison.region_areas[name] for name in FEATURES),
        "class_maps": class_maps,
        "share": summary.share,
        "layer": summary.layer,
        "classes": classes,
        "left_out": len(part.arrays["images"]) - shown,
    }


def most_faithful(comparison: MethodComparison) -> str:
    """Name the method that leads; where none is trusted, the one with the highest score."""
    return comparison.leading or max(comparison.methods, key=lambda name: comparison.methods[name].score)


def where_it_looks(files: RunFiles) -> Iterator[str]:
    """Say in one sentence where the network looks, or that no map tells it, if the run was explained."""
    if files.attribution:
        yield next(_sentences(files.attribution.summary))


def _sentences(summary: Explanation) -> Iterator[str]:
    comparison, guessing = summary.comparison, summary.against_guessing
    if guessing is not None and not guessing.is_better:
        yield (
            "What the network looks at can't be told, for it may know nothing of expressions: it is right for "
            f"{percent(guessing.accuracy)} of the faces (95 % interval {span(guessing.interval)}), not surely more "
            f"than the {percent(guessing.most_frequent)} of always naming the most frequent expression."
        )
        return
    if summary.features is None or guessing is None:
        yield (
            "An older mien explained this run: explain it again to see whether the network looks at the features of "
            "the face."
        )
    else:
        yield _blanked(summary.features)
    best = comparison.leading
    if best is None:
        yield (
            "No map tells where it looks: no method both orders the picture better than the two controls, chance and "
            "“the centre first”, and shows something else when all weights are random. Do not trust the maps."
        )
    elif _on_features(comparison, best) is None:
        yield f"The maps of {best} are empty: nothing speaks for the predicted classes."
    elif comparison.nulls:
        yield from _mapped(comparison, best)
    yield from _trust(comparison)


def _blanked(found: BlankedFeatures) -> str:
    """Say whether the label is less probable without the features than without as much elsewhere."""
    changes = (
        f"with brows, eyes, nose and mouth blanked ({percent(found.area, 0)} of the picture), it gives the right "
        f"expression a probability of {percent(found.blanked, 0)} instead of {percent(found.whole, 0)}"
    )
    unbeaten, beaten = [], []
    for name, other in found.elsewhere.items():
        if other.lead.is_sure:
            beaten.append(f"{name} ({percent(other.probability, 0)})")
        else:
            unbeaten.append(f"{percent(other.probability, 0)} with as much blanked {name} ({_difference(other.lead)})")
    if not unbeaten:
        return (
            f"The network looks at the features of the face: {changes}, surely less than with as much blanked "
            f"{listing(beaten)}."
        )
    return (
        f"It can't be told whether the network looks at the features of the face: {changes}, but also "
        f"{listing(unbeaten)}. The interval of the difference would have to lie above {100 * LEAST_LEAD:.0f} points."
    )


def _on_features(comparison: MethodComparison, method: str) -> float | None:
    """Return the share of a method's maps on the features of the face; None where no map has a positive value."""
    total = 0.0
    for name in FEATURES:
        share = comparison.methods[method].regions[name]
        if share is None:
            return None
        total += share
    return total


def _mapped(comparison: MethodComparison, best: str) -> Iterator[str]:
    """Say whether more of the maps lies on the features than of maps that know nothing."""
    nulls = comparison.nulls
    inside = percent(_on_features(comparison, best), 0)
    lead = f"Of what {best} attributes, {inside} falls on brows, eyes, nose and mouth"
    unbeaten = [name for name, null in nulls.items() if not null.lead.is_sure]
    if unbeaten:
        parts = [f"{_share_of(name, nulls[name])} ({_difference(nulls[name].lead)})" for name in unbeaten]
        yield (
            f"{lead}; that is not surely more than {listing(parts)}. The interval of the difference would have to lie "
            f"above {100 * LEAST_LEAD:.0f} points."
        )
        return
    parts = [_share_of(name, null) for name, null in nulls.items()]
    yield f"{lead}, surely more than {listing(parts)}."
    shares, areas = comparison.methods[best].regions, comparison.region_areas
    density = {name: (shares[name] or 0) / areas[name] for name in FEATURES}
    order = sorted(FEATURES, key=lambda name: density[name], reverse=True)
    parts = [f"the {name} ({density[name]:.1f} times)" for name in order]
    outside = percent(shares["outside"], 0)
    yield f"Relative to their area, most goes to {listing(parts)}; {outside} falls outside the face."


def _share_of(name: str, null: NullShare) -> str:
    share = percent(null.share, 0)
    if name == "random weights":
        return f"{share} with random weights"
    if name == "edges of the face":
        return f"{share} of the edges in the face"
    return f"{share} of a blob in the middle that is as spread out"


def _difference(lead: PairedDifference) -> str:
    if lead.interval is None:
        return "difference unknown"
    return f"difference {points_span(lead.interval)} points"


def _trust(comparison: MethodComparison) -> Iterator[str]:
    methods, best = comparison.methods, comparison.leading
    if best is not None:
        centre, trusted = comparison.controls["centre first"].score, comparison.trusted
        whose = "Its score is" if len(trusted) == 1 else f"Of these, {best} has the highest score,"
        yield (
            "Better than both controls, chance and “the centre first”, and different with random weights: "
            f"{listing(trusted)}. {whose} {decimal(methods[best].score, 2)} against {decimal(centre, 2)} for the "
            "centre."
        )
    worse = [name for name, method in methods.items() if not method.beats_controls]
    if best is not None and worse:
        yield f"Not surely better than both controls, so don't trust these maps here: {listing(worse)}."
    same = [name for name, method in methods.items() if not method.depends_on_weights]
    if same:
        yield f"Much alike even when all weights are random, so partly maps of the face itself: {listing(same)}."


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
