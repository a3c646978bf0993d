"""HTML with which results show themselves in a notebook: small, escaped, readable on light and on dark pages.

Axes: `N` faces, `H`, `W` a picture.
"""

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.faces import FaceSet
from mien.core.runs import Epoch
from mien.core.tables import Figures, Part, Side, Table
from mien.core.text import UNSHOWABLE, percentage

STYLE = """<style>
div.mien { font-size: 13px; line-height: 1.5; color: inherit }
div.mien p { margin: 0 0 .3em }
div.mien p.title { font-weight: 600 }
div.mien table { border-collapse: collapse; margin: .3em 0 .6em; border: 0; font-size: inherit }
div.mien th, div.mien td { padding: .1em .7em; border: 0; text-align: right; vertical-align: middle;
  color: inherit; white-space: nowrap; max-width: none; font-variant-numeric: tabular-nums }
div.mien th { font-weight: 600; border-bottom: 1px solid rgba(128, 128, 128, .6) }
div.mien .left { text-align: left }
div.mien td > div { margin: 0 -.7em; padding: 0 .7em }
div.mien img, div.mien svg { display: block; margin: .3em 0; max-width: 100% }
div.mien img.face { image-rendering: pixelated; border-radius: 3px }
div.mien i { display: block; height: .8em; border-radius: 2px; min-width: 1px; box-sizing: border-box;
  border: 1px solid rgba(128, 128, 128, .7) }
div.mien .faces { display: flex; flex-wrap: wrap; gap: .8em 2em; align-items: start }
div.mien .faces > div { display: flex; gap: .8em }
</style>"""
"""Text has the page's own colour; what is laid under it is half transparent."""

SHADE = "74, 127, 208"
"""The colour of a confusion matrix's cells, red, green, blue."""

DARKEST = 0.6
"""How much of a cell's colour is to be seen where its share is 1."""

SHOWN_EACH = 8
"""Faces of each class that a `FaceSet` shows."""

SHOWN_CLASSES = 20
"""Classes of which it shows faces."""


def show(parts: Sequence[Part]) -> str:
    """Return what a person reads of a result; a first line with an empty one after it is the title.

    >>> '<p class="title">a &lt; b</p>' in show(["a < b", ""])
    True
    """
    found = []
    for i, part in enumerate(parts):
        if isinstance(part, Table):
            found.append(_table(part))
        elif isinstance(part, Figures):
            found.append(_figures(part))
        elif i == 0 and parts[1:2] == [""]:
            found.append(f'<p class="title">{text(part)}</p>')
        elif part:
            found.append(f"<p>{text(part)}</p>")
    return block(*found)


def block(*pieces: str) -> str:
    """Join pieces of HTML into one that carries its own style."""
    return f'<div class="mien">{STYLE}{"".join(pieces)}</div>'


def text(words: str) -> str:
    """Escape a text for HTML."""
    return html.escape(UNSHOWABLE.sub(" ", words))


def picture(pixels: NDArray[np.uint8], *, alt: str, width: int, kind: str = "") -> str:
    """Return a picture, grey `uint8 (H, W)` or RGB `uint8 (H, W, 3)`, shown `width` CSS pixels wide.

    Grey ones are PNG; coloured ones are shrunk to that width and are JPEG, for a notebook keeps what it shows.
    """
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    format_ = "png"
    if pixels.ndim == 3:
        format_ = "jpeg"
        image.thumbnail((width, image.height))
        width = image.width
    image.save(buffer, format_, quality=88)
    code = base64.b64encode(buffer.getvalue()).decode()
    of_kind = f' class="{kind}"' if kind else ""
    return f'<img{of_kind} alt="{text(alt)}" width="{width}" src="data:image/{format_};base64,{code}">'


def rows(columns: Sequence[tuple[str, Side]], cells: Iterable[Sequence[str]]) -> str:
    """Return a table whose cells are HTML; it has no head where all heads are empty."""
    heads, sides = [], []
    for head, side in columns:
        heads.append(f'<th class="{side}">{text(head)}</th>')
        sides.append(side)
    lines = []
    for row in cells:
        shown = [f'<td class="{side}">{cell}</td>' for cell, side in zip(row, sides, strict=True)]
        lines.append(f"<tr>{''.join(shown)}</tr>")
    head = f"<thead><tr>{''.join(heads)}</tr></thead>"
    if not any(name for name, _ in columns):
        head = ""
    return f"<table>{head}<tbody>{''.join(lines)}</tbody></table>"


def _table(table: Table) -> str:
    lines = []
    for number, row in enumerate(table.rows):
        cells = list(map(text, row))
        if table.shares is not None:
            for column, share in enumerate(table.shares[number], 1):
                cells[column] = f'<div style="background: rgba({SHADE}, {DARKEST * share:.2f})">{cells[column]}</div>'
        lines.append(cells)
    return rows(list(table.columns.items()), lines)


def _figures(figures: Figures) -> str:
    lines = []
    for name, value, note in figures.rows:
        shown = name if name == name.lstrip() else f"– {name.lstrip()}"
        lines.append(
            f'<tr><td class="left">{text(shown)}</td><td>{text(value)}</td><td class="left">{text(note)}</td></tr>'
        )
    return f"<table><tbody>{''.join(lines)}</tbody></table>"


def show_faces(faces: FaceSet) -> str:
    """Return how many faces a set has of each class and split, and the first few of each class."""
    splits = list(dict.fromkeys(faces.splits.tolist()))
    columns: list[tuple[str, Side]] = [("class", "left"), (f"the first {SHOWN_EACH} of each", "left")]
    columns += [(split, "right") for split in splits]
    lines = []
    for label, name in enumerate(faces.classes):
        of_class = faces.targets == label  # (N,)
        strip = ""
        if label < SHOWN_CLASSES and of_class.any():
            first = faces.images[np.flatnonzero(of_class)[:SHOWN_EACH]]  # (at most 8, 48, 48)
            strip = picture(np.concatenate(first, axis=1), alt=f"faces of {name}", width=48 * len(first), kind="face")
        counts = [f"{int((of_class & (faces.splits == split)).sum()):,}" for split in splits]
        lines.append([text(name), strip, *counts])
    drawn = " (synthetic: drawn, not photographed)" if faces.synthetic else ""
    title = f"{faces.source}: {len(faces):,} faces{drawn}"
    unlabelled = ""
    if not faces.labelled.all():
        unlabelled = f"<p>{int((~faces.labelled).sum()):,} faces have no label</p>"
    return block(f'<p class="title">{text(title)}</p>', rows(columns, lines), unlabelled)


WIDTH, HEIGHT, MARGIN = 420, 190, 44
"""Of a curve in CSS pixels; the margin is left of it and below."""


def curve(history: Sequence[Epoch]) -> str:
    """Draw the accuracy of each epoch, on the faces that were learned from and on those held out; at least two."""
    accuracies = [epoch.train_accuracy for epoch in history] + [epoch.val_accuracy for epoch in history]
    low, high = min(accuracies), max(accuracies)
    low, high = (low, high) if high > low else (low - 0.01, high + 0.01)
    last = history[-1].epoch
    right, bottom = WIDTH - 10, HEIGHT - MARGIN
    told = f"accuracy by epoch; at the end {percentage(history[-1].val_accuracy)} of the held-out faces are right"

    def points(shares: Iterable[float]) -> str:
        found = []
        for i, share in enumerate(shares):
            x = MARGIN + (right - MARGIN) * i / (len(history) - 1)
            y = bottom - (bottom - 10) * (share - low) / (high - low)
            found.append(f"{x:.1f},{y:.1f}")
        return " ".join(found)

    line = 'fill="none" stroke-width="2" points='
    return f"""<svg role="img" aria-label="{told}" width="{WIDTH}" height="{HEIGHT}" font-size="12" fill="currentColor">
<path fill="none" stroke="gray" d="M{MARGIN},10V{bottom}H{right}"/>
<polyline stroke="gray" stroke-dasharray="4 3" {line}"{points(epoch.train_accuracy for epoch in history)}"/>
<polyline stroke="rgb({SHADE})" {line}"{points(epoch.val_accuracy for epoch in history)}"/>
<text x="{MARGIN - 4}" y="16" text-anchor="end">{percentage(high, 0)}</text>
<text x="{MARGIN - 4}" y="{bottom}" text-anchor="end">{percentage(low, 0)}</text>
<text x="{MARGIN}" y="{bottom + 16}">epoch {history[0].epoch}</text>
<text x="{right}" y="{bottom + 16}" text-anchor="end">{last}</text>
<text x="{MARGIN}" y="{bottom + 34}">accuracy (line: held out, dashes: learned from)</text>
</svg>"""
