"""Faces, pictures and results as a notebook shows them."""

from collections.abc import Iterable, Sequence

import numpy as np

from mien.core.errors import DataError
from mien.core.notebook import block, picture, rows, text
from mien.core.tables import Side
from mien.runtime.annotate import colours
from mien.runtime.results import NO_FACE, Face, PictureResult, Results

WIDEST_PX = 640
"""A picture is shown at most as wide."""

MOST_BARS = 10
"""Classes of which a face shows bars, the most probable ones."""

MOST_FACES = 6
"""Faces of a picture that show bars; of more there is a table."""

MOST_ROWS = 30
"""Rows of a table."""


BARS: list[tuple[str, Side]] = [("", "left"), ("", "left"), ("", "right")]
FOUND: list[tuple[str, Side]] = [
    ("", "left"),
    ("expression", "left"),
    ("probability", "right"),
    ("face", "right"),
    ("source", "left"),
]


def show_face(face: Face) -> str:
    """Return the face as the network saw it, and its probabilities."""
    return block(_faces([face]))


def show_picture(result: PictureResult) -> str | None:
    """Return the picture with its faces marked, and the probabilities; None where the picture can't be read."""
    pieces = _picture(result)
    if pieces is None:
        return None
    return block(*pieces)


def show_results(results: Results) -> str | None:
    """Return a single picture, or a table of the faces."""
    if len(results) == 1:
        return show_picture(results[0])
    title = f'<p class="title">{text(repr(results)[len("Results(") : -1])}; {text(results.model.name)}</p>'
    warnings = [f"<p>{text(warning)}</p>" for warning in results.warnings]
    return block(title, *warnings, _table(results))


def _picture(result: PictureResult) -> list[str] | None:
    try:
        pixels = result.pixels
    except DataError:
        return None
    pieces = []
    cut_out = result.faces and all(face.box is None for face in result.faces)  # in a table: the face is all there is
    if not cut_out:
        drawn = np.asarray(result.plot())
        pieces.append(picture(drawn, alt=repr(result), width=min(WIDEST_PX, pixels.shape[1])))
    if not result.faces:
        pieces.append(f"<p>{text(result.reason or NO_FACE)}</p>")
    elif len(result.faces) > MOST_FACES:
        pieces.append(_table([result]))
    else:
        pieces.append(_faces(result.faces))
    return pieces


def _faces(faces: Sequence[Face]) -> str:
    return f'<div class="faces">{"".join(map(_face, faces))}</div>'


def _face(face: Face) -> str:
    shades = colours(tuple(face.probabilities))
    order = sorted(face.probabilities, key=face.probabilities.__getitem__, reverse=True)
    kept = [name for name in face.probabilities if name in order[:MOST_BARS]]  # in the model's order
    lines = []
    for name in kept:
        share = face.probabilities[name]
        shown = text(name)
        if name == face.label:
            shown = f"<b>{shown}</b>"
        bar = f'<div style="width: 8em"><i style="width: {100 * share:.1f}%; background: rgb{shades[name]}"></i></div>'
        lines.append([shown, bar, f"{share:.3f}"])
    image = picture(face.image, alt=f"face {face.face}", width=96, kind="face")
    notes = [f"face {face.face}", *face.quality]
    return f"<div><div>{image}{text(', '.join(notes))}</div>{rows(BARS, lines)}</div>"


def _table(results: Iterable[PictureResult]) -> str:
    lines: list[list[str]] = []
    hidden = 0
    for result in results:
        shown = _rows(result, at_most=MOST_ROWS - len(lines))
        hidden += max(1, len(result.faces)) - len(shown)
        lines += shown
    more = f"<p>… and {hidden:,} more rows: .records()</p>" if hidden else ""
    return rows(FOUND, lines) + more


def _rows(result: PictureResult, *, at_most: int) -> list[list[str]]:
    """Return a table's first rows: one for each face, or one that says why there is none."""
    if at_most == 0:
        return []
    place = result.source
    if result.time_s is not None:
        place += f" {result.time_s:.3f} s"
    if not result.faces:
        return [["", text(result.error or result.reason or NO_FACE), "", "", text(place)]]
    lines = []
    for face in result.faces[:at_most]:
        image = picture(face.image, alt=f"face {face.face}", width=48, kind="face")
        lines.append([image, text(face.label), f"{face.probability:.3f}", text(face.face), text(place)])
    return lines
