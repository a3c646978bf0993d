"""The charts of the report, each an inline SVG in the page's colours; drawn with Matplotlib's objects, never pyplot."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from markupsafe import Markup
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from mien.core.explanations import CurveScores, MethodComparison
from mien.core.robustness import Robustness
from mien.core.runs import Epoch
from mien.core.scores import CalibrationBin, RiskPoint
from mien.reporting.svg import COLOURS, STYLE, drawn

MUTED, ACCENT, SECOND, SURFACE = (COLOURS[name][0] for name in ("muted", "accent", "second", "surface"))
MARKED = 60
"""Up to this many epochs each one has a dot."""


def curve(history: Sequence[Epoch], measure: str, *, best: int | None, alt: str) -> Markup:
    """Draw a measure over the epochs, on training and on held-out faces.

    Args:
        history: the rows of `metrics.csv`.
        measure: `loss` or `accuracy`.
        best: the epoch to mark, or None.
        alt: the picture in words.

    Returns:
        An `<svg>`.
    """
    epochs = [row.epoch for row in history]
    with style.context(STYLE):
        figure = Figure(figsize=(5.2, 3.1))
        axes = figure.add_subplot()
        for part, name, colour, dash in (
            ("train", "training", SECOND, (0, (4, 2))),
            ("val", "held out", ACCENT, "solid"),
        ):
            axes.plot(
                epochs,
                [getattr(row, f"{part}_{measure}") for row in history],
                color=colour,
                linestyle=dash,
                label=name,
                linewidth=1.8,
                marker="o" if len(epochs) <= MARKED else "",
                markersize=3,
            )
        _mark_best(axes, history, measure, best=best)
        _epoch_axis(axes, epochs)
        if measure == "accuracy":
            axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.3g} %"))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handlelength=2.2)
        return drawn(figure, name=measure, alt=alt)


def _mark_best(axes: Axes, history: Sequence[Epoch], measure: str, *, best: int | None) -> None:
    for row in history:
        if row.epoch == best:
            axes.axvline(row.epoch, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
            axes.plot(
                [row.epoch],
                [getattr(row, f"val_{measure}")],
                "o",
                markersize=8,
                markeredgewidth=2,
                color=ACCENT,
                markerfacecolor=SURFACE,
                zorder=5,
            )


def _epoch_axis(axes: Axes, epochs: Sequence[float]) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    room = max(0.5, (epochs[-1] - epochs[0]) * 0.03)
    axes.set_xlim(epochs[0] - room, epochs[-1] + room)


def learning_rate(history: Sequence[Epoch], *, alt: str) -> Markup:
    """Draw the learning rate over the epochs as steps, on a logarithmic axis.

    Args:
        history: the rows of `metrics.csv`.
        alt: the picture in words.

    Returns:
        An `<svg>`.
    """
    epochs, rates = [row.epoch for row in history], [row.lr for row in history]
    with style.context(STYLE):
        figure = Figure(figsize=(5.2, 2.3))
        axes = figure.add_subplot()
        axes.step(epochs, rates, where="mid", color=ACCENT, linewidth=1.8)
        if min(rates) > 0:
            axes.set_yscale("log")
            levels = sorted(set(rates))
            axes.set_yticks(levels[:: max(1, len(levels) // 5)])
            axes.yaxis.set_minor_locator(NullLocator())
            axes.set_ylim(min(rates) / 1.4, max(rates) * 1.4)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:.3g}"))
        _epoch_axis(axes, epochs)
        return drawn(figure, name="rate", alt=alt)


def reliability_figure(bins: Sequence[CalibrationBin], *, name: str, alt: str) -> Markup:
    """Draw accuracy over confidence, and below it how many faces lie in each bin.

    Args:
        bins: from low to high.
        name: makes ids unique when a page has several.
        alt: the picture in words.

    Returns:
        An `<svg>`.
    """
    filled = [each for each in bins if each.faces]
    accuracies = np.array([each.accuracy for each in filled], dtype=np.float64)
    confidences = np.array([each.confidence for each in filled], dtype=np.float64)
    middles = np.array([(each.low + each.high) / 2 for each in filled])
    width = bins[0].high - bins[0].low
    with style.context(STYLE):
        figure = Figure(figsize=(5.2, 4.2))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        top.bar(middles, accuracies, width * 0.9, color=ACCENT, alpha=0.55, label="the model")
        top.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="probabilities that hold")
        top.plot(confidences, accuracies, "o", color=ACCENT, markersize=4, clip_on=False)
        top.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right")
        top.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
        bottom.bar(middles, [each.faces for each in filled], width * 0.9, color=MUTED, alpha=0.6)
        bottom.set(xlabel="probability of the label", ylabel="faces")
        bottom.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))
        bottom.yaxis.set_major_formatter(FuncFormatter(lambda faces, _: f"{faces:,.0f}"))
        for axes in (top, bottom):
            axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        top.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        return drawn(figure, name=name, alt=alt)


def risk_coverage_figure(points: Sequence[RiskPoint], *, name: str, alt: str) -> Markup:
    """Draw the share of wrong labels over the share of faces that are accepted, the most confident first.

    Args:
        points: of the curve, coverage rising.
        name: makes ids unique when a page has several.
        alt: the picture in words.

    Returns:
        An `<svg>`.
    """
    with style.context(STYLE):
        figure = Figure(figsize=(5.2, 3.1))
        axes = figure.add_subplot()
        coverages = np.array([point.coverage for point in points])
        risks = np.array([point.risk for point in points], dtype=np.float64)
        axes.plot(coverages, risks, "o-", color=ACCENT, linewidth=1.8, markersize=4, clip_on=False)
        axes.axhline(risks[-1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.set(xlim=(0, 1), ylim=(0, None), xlabel="share of faces answered", ylabel="share of them wrong")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.3g} %"))
        return drawn(figure, name=name, alt=alt)


def robustness_figure(measured: Robustness, *, accuracy: float, confidence: float, name: str, alt: str) -> Markup:
    """Draw accuracy and confidence over the severity, a panel per corruption.

    Args:
        measured: of corrupted faces.
        accuracy: of the faces as they are.
        confidence: mean probability of the label of the faces as they are.
        name: makes ids unique when a page has several.
        alt: the picture in words.

    Returns:
        An `<svg>`.
    """
    with style.context(STYLE):
        figure = Figure(figsize=(10.4, 6.2))
        panels = figure.subplots(3, 5, sharex=True, sharey=True).ravel()
        for axes, one in zip(panels, measured.corruptions, strict=True):
            severities = [0, *(scores.severity for scores in one.severities)]
            accuracies = [accuracy, *(scores.accuracy for scores in one.severities)]
            confidences = [confidence, *(scores.confidence for scores in one.severities)]
            axes.plot(severities, confidences, color=SECOND, linewidth=1.4, linestyle=(0, (4, 2)), label="confidence")
            axes.plot(severities, accuracies, "o-", color=ACCENT, linewidth=1.8, markersize=3, label="accuracy")
            axes.set_title(one.title, fontsize=10)
            axes.set(ylim=(0, 1), xticks=severities)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        figure.supxlabel("severity", fontsize=10, color=MUTED)
        return drawn(figure, name=name, alt=alt)


def arms_figure(named: Sequence[tuple[str, Sequence[float]]], *, alt: str) -> Markup:
    """Draw the accuracy of each run of an ablation: one row per arm, one dot per run, a bar for the mean.

    Args:
        named: name and accuracies of each arm.
        alt: the picture in words.

    Returns:
        An `<svg>`.
    """
    with style.context(STYLE):
        figure = Figure(figsize=(5.2, 0.7 + 0.38 * len(named)))
        axes = figure.add_subplot()
        for row, (_, accuracies) in enumerate(named):
            axes.plot(accuracies, [row] * len(accuracies), "o", color=ACCENT, alpha=0.6, markersize=6)
            if accuracies:
                axes.plot([float(np.mean(accuracies))] * 2, [row - 0.3, row + 0.3], color=ACCENT, linewidth=2)
        axes.set_yticks(range(len(named)), [name for name, _ in named])
        axes.set_ylim(len(named) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("accuracy")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.3g} %"))
        return drawn(figure, name="arms", alt=alt)


def faithfulness(
    comparison: MethodComparison, kind: Literal["deletion", "insertion"], *, best: str, alt: str
) -> Markup:
    """Draw the mean deletion or insertion curves of all methods and controls.

    Args:
        comparison: of the methods.
        kind: which curves.
        best: the method to draw bold.
        alt: the picture in words.

    Returns:
        An `<svg>`.
    """
    lines: list[tuple[CurveScores, dict[str, Any]]] = []
    for name, method in comparison.methods.items():
        if name == best:
            lines.append((method, {"color": ACCENT, "linewidth": 2.4, "zorder": 5, "label": best}))
        else:
            lines.append((method, {"color": MUTED, "linewidth": 0.9, "alpha": 0.7}))
    dashes = ((0, (4, 2)), (0, (1, 1.5)))
    for (name, control), dash in zip(comparison.controls.items(), dashes, strict=True):
        lines.append((control, {"color": SECOND, "linewidth": 1.6, "linestyle": dash, "label": name}))
    with style.context(STYLE):
        figure = Figure(figsize=(5.2, 3.4))
        axes = figure.add_subplot()
        for scores, line in lines:
            curve = scores.deletion_curve if kind == "deletion" else scores.insertion_curve
            axes.plot(np.linspace(0, 1, len(curve)), curve, **line)
        axes.set(xlim=(0, 1), ylim=(0, None))
        axes.set_xlabel("share of the face taken out" if kind == "deletion" else "share put in")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        axes.set_ylabel("probability")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, handlelength=2)
        return drawn(figure, name=kind, alt=alt)
