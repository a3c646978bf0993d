"""What the page says of an ablation: what each factor is worth, and whether that is more than luck."""

from collections.abc import Iterator
from math import prod
from typing import Any

from mien.reporting import figures
from mien.reporting.formatting import count, listing, percent, plural, points, points_span
from mien.reporting.run_files import RunFiles


def ablation(files: RunFiles) -> dict[str, Any] | str:
    """Show what each factor is worth.

    Args:
        files: the run's files.

    Returns:
        `sentences`, `factors`, `arms`, `groups` (of effects), `figure`, `caption` and `failed`, for
        `ablation.html`; or the line that stands in their place.
    """
    found = files.ablation
    if found is None:
        return (
            "No ablation yet: `mien ablate DATA --recipe mien-n --factors normalisation,augmentation "
            "--out RUN/ablation` finds out what these two are worth."
        )
    arms = [
        {**arm, "accuracies": [run["accuracy"] for run in _runs(found, arm["levels"]) if run["accuracy"] is not None]}
        for arm in found["arms"]
    ]
    caption = _caption(arms)
    return {
        "sentences": [] if files.is_ablation else conclusions(files),  # an ablation's summary has them
        "factors": list(found["factors"]),
        "arms": arms,
        "groups": _groups(found["effects"]),
        "figure": figures.arms([(_label(arm), arm["accuracies"]) for arm in arms], alt=caption),
        "caption": caption,
        "failed": [run for run in found["runs"] if run["accuracy"] is None],
    }


def _groups(effects: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Sort the effects by what is compared."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in effects:
        where = ", ".join(f"{name} {level}" for name, level in each["within"].items()) or "on average"
        title = f"{each['factor']}: {each['level']} instead of {each['baseline']}"
        groups.setdefault(title, []).append({**each, "where": where})
    return groups


def conclusions(files: RunFiles) -> list[str]:
    """Say in sentences what was tried and what each factor is worth."""
    found = files.ablation
    return [_intro(found), *_verdicts(found)] if found else ["No run of this ablation has ended yet."]


def _runs(found: dict[str, Any], levels: dict[str, str]) -> list[dict[str, Any]]:
    return [run for run in found["runs"] if run["levels"] == levels]


def _label(arm: dict[str, Any]) -> str:
    return ", ".join(arm["levels"].values())


def _intro(found: dict[str, Any]) -> str:
    """Say what was done of what was planned."""
    scored = [run for run in found["runs"] if run["accuracy"] is not None]
    planned = prod(map(len, found["factors"].values())) * len(found["seeds"])
    model = "the network" if "model" in found["factors"] else found["model"]
    epochs = "" if "epochs" in found["factors"] else f", for at most {plural(found['epochs'], 'epoch')} each"
    text = (
        f"To see what {listing(list(found['factors']))} {'is' if len(found['factors']) == 1 else 'are'} worth, {model} "
        f"is trained in every combination, with {'seeds' if len(found['seeds']) > 1 else 'seed'} "
        f"{listing(found['seeds'])}{epochs}. {count(len(scored))} of {plural(planned, 'run')} are done"
    )
    if scored:
        text += f", scored on {count(scored[0]['faces'])} faces of “{scored[0]['split']}”"
        if scored[0]["split"] == "validation":
            text += (
                ": the faces that each run held out, which may be others for each seed; where they chose the epoch, "
                "the figures are somewhat better than those of new faces"
            )
    return text + "." + (" Drawn faces: the figures say nothing of real ones." if found["synthetic"] else "")


def _verdicts(found: dict[str, Any]) -> Iterator[str]:
    for each in found["effects"]:
        if each["within"] or each["difference"] is None:
            continue
        what = f"{each['factor'].capitalize()} “{each['level']}” instead of “{each['baseline']}”"
        if each["interval"] is None:
            why = "with a single seed" if each["seeds"] == 1 else f"with each of {each['seeds']} seeds alike"
            yield f"{what}: {points(each['difference'])} {why}, which says nothing of luck."
            continue
        low, high = each["interval"]
        verdict = (
            "more than the luck of the seeds"
            if low > 0 or high < 0
            else "not surely more than the luck of the seeds, as the interval holds 0"
        )
        yield (
            f"{what}: {points(each['difference'])} (95 % interval {points_span(each['interval'])}, "
            f"{plural(each['seeds'], 'seed')}); {verdict}."
        )


def _caption(arms: list[dict[str, Any]]) -> str:
    known = sorted((arm for arm in arms if arm["mean"] is not None), key=lambda arm: arm["mean"])
    if not known:
        return "Accuracy of each run: none was scored."
    worst, best = known[0], known[-1]
    return (
        f"Accuracy of each run (dots) and the mean of each combination (bars): from {percent(worst['mean'])} "
        f"with {_label(worst)} to {percent(best['mean'])} with {_label(best)}."
    )
