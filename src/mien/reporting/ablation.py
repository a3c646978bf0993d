"""What the page says about an ablation: what each factor is worth, and whether that is more than luck."""

from collections.abc import Iterator, Sequence
from math import prod

from mien.core.ablation import Ablation, ArmScores, Effect
from mien.core.stats import SIGNIFICANCE
from mien.reporting import figures
from mien.reporting.formatting import count, decimal, listing, percent, plural, points, points_span
from mien.reporting.run_files import RunFiles
from mien.reporting.view import Values, View


def ablation(files: RunFiles) -> View:
    """Show what each factor is worth.

    Args:
        files: the run's files.

    Returns:
        `sentences`, `factors`, `arms`, `groups` (of effects), `figure`, `caption` and `failed`, for
        `ablation.html`; or the sentence that stands in their place.
    """
    found = files.ablation
    if found is None:
        return (
            "No ablation yet: `mien ablate DATA --recipe mien-n --factors normalisation,augmentation "
            "--out RUN/ablation` finds out what these two are worth."
        )
    accuracies: list[tuple[str, list[float]]] = []
    for arm in found.arms:
        of_arm = [run.accuracy for run in found.runs if run.levels == arm.levels and run.accuracy is not None]
        accuracies.append((_label(arm), of_arm))
    caption = _caption(found.arms)
    return {
        "sentences": [] if files.is_ablation else conclusions(files),  # an ablation's summary has them
        "factors": list(found.factors),
        "arms": found.arms,
        "groups": _groups(found.effects),
        "figure": figures.arms_figure(accuracies, alt=caption),
        "caption": caption,
        "failed": found.failed,
    }


def _groups(effects: Sequence[Effect]) -> dict[str, list[Values]]:
    """Sort the effects by what is compared."""
    groups: dict[str, list[Values]] = {}
    for effect in effects:
        where = ", ".join(f"{name} {level}" for name, level in effect.within.items()) or "on average"
        title = f"{effect.factor}: {effect.level} instead of {effect.baseline}"
        groups.setdefault(title, []).append({"effect": effect, "where": where})
    return groups


def conclusions(files: RunFiles) -> list[str]:
    """Say in sentences what was tried and what each factor is worth."""
    found = files.ablation
    if found is None:
        return ["No run of this ablation has ended yet."]
    return [_intro(found), *_verdicts(found)]


def _label(arm: ArmScores) -> str:
    return ", ".join(arm.levels.values())


def _intro(found: Ablation) -> str:
    """Say what was done of what was planned."""
    scored = [run for run in found.runs if run.accuracy is not None]
    planned = prod(map(len, found.factors.values())) * len(found.seeds)
    network = found.network
    if "model" in found.factors:
        network = "the network"
    epochs = f", for at most {plural(found.epochs, 'epoch')} each"
    if "epochs" in found.factors:
        epochs = ""
    verb = "is" if len(found.factors) == 1 else "are"
    seeds = "seed" if len(found.seeds) == 1 else "seeds"
    text = (
        f"To see what {listing(list(found.factors))} {verb} worth, {network} is trained in every combination, with "
        f"{seeds} {listing(found.seeds)}{epochs}. {count(len(scored))} of {plural(planned, 'run')} are done"
    )
    if scored:
        text += f", scored on {count(scored[0].faces)} faces of “{scored[0].split}”"
        if scored[0].split == "validation":
            text += (
                ": the faces that each run held out, which may be others for each seed; where they chose the epoch, "
                "the figures are somewhat better than those of new faces"
            )
    return text + "." + (" Drawn faces: the figures say nothing of real ones." if found.synthetic else "")


def _verdicts(found: Ablation) -> Iterator[str]:
    for effect in found.effects:
        if effect.within or effect.difference is None:
            continue
        what = f"{effect.factor.capitalize()} “{effect.level}” instead of “{effect.baseline}”"
        if effect.interval is None:
            why = "with a single seed" if effect.seeds == 1 else f"with each of {effect.seeds} seeds alike"
            yield f"{what}: {points(effect.difference)} {why}, which does not tell whether it is luck."
            continue
        low, high = effect.interval
        if low <= 0 <= high:
            verdict = "not surely more than the luck of the seeds, as the interval holds 0"
        elif effect.holm_p is not None and effect.holm_p >= SIGNIFICANCE:
            verdict = (
                "not surely more than the luck of the seeds, as one of several differences may look so by chance "
                f"(p {decimal(effect.holm_p, 2)} after Holm’s correction)"
            )
        else:
            verdict = "more than the luck of the seeds, on these faces"
        yield (
            f"{what}: {points(effect.difference)} (95 % interval {points_span(effect.interval)}, "
            f"{plural(effect.seeds, 'seed')}); {verdict}."
        )


def _caption(arms: Sequence[ArmScores]) -> str:
    known = [(arm.mean, arm) for arm in arms if arm.mean is not None]
    if not known:
        return "Accuracy of each run: none was scored."
    known.sort(key=lambda pair: pair[0])
    (lowest, worst), (highest, best) = known[0], known[-1]
    return (
        f"Accuracy of each run (dots) and the mean of each combination (bars): from {percent(lowest)} "
        f"with {_label(worst)} to {percent(highest)} with {_label(best)}."
    )
