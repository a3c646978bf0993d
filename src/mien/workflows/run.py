"""`Run`: a training or a study, and what can be done with it."""

from mien.core.arguments import checked
from mien.core.notebook import block, curve, text
from mien.core.runs import Epoch
from mien.core.scores import Scores
from mien.core.text import percentage
from mien.reporting.build import report
from mien.training.run_data import TrainingRun
from mien.workflows.evaluate import evaluate
from mien.workflows.explain import explain
from mien.workflows.export import export
from mien.workflows.page import export_page


class Run(TrainingRun):
    """A training or a study.

    Its methods are the functions of the same names, with the run as their first argument.

    Attributes:
        path: its folder, absolute.
        state: running, finished, stopped-early, interrupted or failed.
        history: one row per epoch.
        config: what it was made with.
        data: its faces, read when first asked for.

    >>> run = Run.open("runs/train/a")  # doctest: +SKIP
    >>> run.evaluate(split="validation").accuracy  # doctest: +SKIP
    0.713
    """

    evaluate = checked(evaluate)
    explain = checked(explain)
    report = checked(report)
    export = checked(export)
    export_page = checked(export_page)

    @checked
    def scores(self, split: str | None = None) -> Scores:
        """Return the scores of a split of the run's own data; evaluates it where that was not done yet.

        Args:
            split: which faces; None as in `evaluate`.
        """
        split = split or self.default_split
        path = self.path / "eval" / split / "metrics.json"
        if path.exists():
            return Scores.read(path)
        return self.evaluate(split=split)

    @property
    def kept_epoch(self) -> Epoch:
        """The row of `history` whose weights are the run's model.

        Raises:
            DataError: there is no model yet, or it is damaged.
        """
        number = int(self.read_json("model.json")["epoch"])
        return self.history[number - 1]

    @property
    def summary(self) -> str:
        """How right the model is on the faces that were held out, in one line."""
        kept = self.kept_epoch
        faces = sum(self.read_json("config.json")["data"]["held_out"].values())
        return (
            f"{percentage(kept.val_accuracy)} of the {faces:,} held-out faces right, "
            f"after epoch {kept.epoch} of {len(self.history)}"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: how right the model is, and the accuracy of each epoch."""
        history = self.history
        pieces = [f'<p class="title">{text(self.path.name)}: {text(self.state)}</p>']
        if (self.path / "model.json").exists():
            pieces.append(f"<p>{text(self.summary)}</p>")
        if len(history) > 1:
            pieces.append(curve(history))
        return block(*pieces, f"<p>{text(str(self.path))}</p>")
