"""Where long work says what it does; a library stays silent unless it is given somebody to tell."""


class Talk:
    """Whom a run tells what it does; this one stays silent."""

    def note(self, text: str) -> None:
        """Take a sentence."""

    def step(self, *, epoch: int, epochs: int, step: int, steps: int, batch: int) -> None:
        """Take one finished optimizer step; `epoch` counts from 1."""

    def epoch(self, row: dict[str, float]) -> None:
        """Take one finished epoch's row of `metrics.csv` and `timing.csv`."""

    def close(self) -> None:
        """Nothing more will be told of steps."""
