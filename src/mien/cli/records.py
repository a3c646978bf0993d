"""Predictions as text: a table for people, JSON, JSON Lines, CSV, or a submission `id,label`."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.cli import console
from mien.core.errors import UsageError, nearest
from mien.core.files import write_atomic
from mien.core.predictions import Predictions


def write_predictions(make: Callable[[], Predictions], *, format_: str, out: Path | None, overwrite: bool) -> None:
    """Make predictions and write them to `out`, or print them.

    Raises:
        UsageError: an unknown format, or `out` exists and `overwrite` is False; nothing is predicted then.
    """
    if format_ not in FORMATS:
        raise UsageError(f"no format '{format_}', {nearest(format_, FORMATS)}")
    if out and out.exists() and not overwrite:
        raise UsageError(f"{out}: exists; choose another -o or add --overwrite")
    text = FORMATS[format_](make())
    if out:
        write_atomic(out, text)
        console.say(f"written: {out.absolute()}")
    else:
        print(text, end="")


def records(predictions: Predictions) -> list[dict[str, Any]]:
    """One plain mapping a face."""
    return [
        {
            "schema_version": 1,
            "source": predictions.source,
            "face": str(face),
            "label": predictions.classes[label],
            "probability": round(float(row[label]), 6),
            "probabilities": {name: round(float(p), 6) for name, p in zip(predictions.classes, row, strict=True)},
        }
        for face, label, row in zip(predictions.ids, predictions.labels, predictions.probabilities, strict=True)
    ]


def _table(predictions: Predictions) -> str:
    wide = max([len(str(face)) for face in predictions.ids] + [4])
    lines = [f"{'face':<{wide}}  {'probability':>11}  expression"]
    lines += [f"{each['face']:<{wide}}  {each['probability']:>11.3f}  {each['label']}" for each in records(predictions)]
    return "\n".join(lines) + "\n"


def _json(predictions: Predictions) -> str:
    return (
        json.dumps(
            {
                "schema_version": 1,
                "source": predictions.source,
                "synthetic": predictions.synthetic,
                "classes": predictions.classes,
                "faces": records(predictions),
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )


def _jsonl(predictions: Predictions) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records(predictions))


def _csv(predictions: Predictions) -> str:
    fixed = ["schema_version", "source", "face", "label", "probability"]
    rows = [[each[key] for key in fixed] + list(each["probabilities"].values()) for each in records(predictions)]
    return _csv_text(fixed + list(predictions.classes), rows)


def _submission(predictions: Predictions) -> str:
    """The course's format: the face's id and the number of its label, as in the training file."""
    return _csv_text(
        ["id", "label"],
        [[str(face), int(label)] for face, label in zip(predictions.ids, predictions.labels, strict=True)],
    )


def _csv_text(head: list[str], rows: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


FORMATS: dict[str, Callable[[Predictions], str]] = {
    "table": _table,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "submission": _submission,
}
"""What `--format` takes."""
