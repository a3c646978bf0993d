"""What the page says about corrupted faces: curves and a table for each split on which they were scored."""

from mien.core.robustness import Robustness
from mien.core.summaries import robustness_note, robustness_table
from mien.reporting import figures
from mien.reporting.run_files import Evaluation, RunFiles
from mien.reporting.summary import warning
from mien.reporting.view import Values, View

CAPTION = (
    "Accuracy (line) and mean probability of the label (dashed), for the faces as they are (0) and at severity 1 to 5. "
    "Where the dashed line lies above the other, the model is more confident than it should be."
)


def robustness(files: RunFiles) -> View:
    """Show how right the model stays on corrupted faces.

    Args:
        files: the run's files.

    Returns:
        `blocks`, one per split, for `robustness.html`; or the sentence that stands in their place.
    """
    blocks: list[Values] = []
    for evaluation in files.evaluations:
        if evaluation.scores.robustness is not None:
            blocks.append(_block(evaluation, evaluation.scores.robustness, place=len(blocks) + 1))
    if not blocks:
        return "No scores of corrupted faces yet: `mien eval RUN --robustness` makes them."
    return {"blocks": blocks}


def _block(evaluation: Evaluation, measured: Robustness, *, place: int) -> Values:
    scores = evaluation.scores
    confidence = sum(one.faces * (one.confidence or 0) for one in scores.ece_bins) / scores.faces
    return {
        "split": evaluation.split,
        "faces": measured.faces,
        "warning": warning(evaluation),
        "figure": figures.robustness_figure(
            measured,
            accuracy=scores.accuracy,
            confidence=confidence,
            name=f"robustness-{place}",
            alt=CAPTION,
        ),
        "caption": CAPTION,
        "table": robustness_table(measured),
        "note": robustness_note(measured),
    }
