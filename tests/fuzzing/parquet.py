"""Parquet files: odd columns, odd values, odd metadata, damaged bytes."""

import io
import json
from pathlib import Path

import pyarrow as pa
from hypothesis import reject
from hypothesis import strategies as st
from pyarrow import parquet

from mien.data.formats import open_faces
from mien.data.parquet import VOTE_COLUMNS
from mien.workflows.describe import describe

from .damage import damaged
from .originals import Originals
from .target import Target
from .values import TEXTS, spoilt

ROWS = 3
FEATURES = {"info": {"features": {"label": {"names": ["sad", "happy", "<b>"], "_type": "ClassLabel"}}}}
PLAIN_TEXTS = [text for text in TEXTS if "\ud800" not in text]
LABELS = (
    [0, 1, 2],
    [0, None, -1],
    [None] * ROWS,
    ["sad", "happy", "sad"],
    ["a", None, "a" * 300],
    [0.0, 1.0, float("nan")],
    [True, False, True],
    [[0], [1], None],
    [{"a": 1}] * ROWS,
    [b"sad", b"\xff", b""],
    [2**62, 0, -(2**62)],
)
IMAGES = (
    lambda files: [{"bytes": content, "path": "a.png"} for content in files],
    lambda files: [{"bytes": content, "path": None} for content in files],
    lambda files: [{"path": "/etc/passwd"} for _ in files],
    lambda files: [{"bytes": None, "path": "/etc/passwd"} for _ in files],
    lambda files: [{"bytes": [content]} for content in files],
    lambda files: [{"bytes": "text"} for _ in files],
    lambda files: [None, *({"bytes": content} for content in files[1:])],
    list,
    lambda files: ["text"] * len(files),
    lambda files: [1] * len(files),
    lambda files: [None] * len(files),
    lambda files: [[content] for content in files],
)


@st.composite
def tables(draw, files: list[bytes]) -> bytes:
    """A Parquet file of three rows."""
    pictures = [draw(st.one_of(st.sampled_from(files), damaged(files))) for _ in range(ROWS)]
    usual = draw(st.booleans())
    columns = {"image": (IMAGES[0] if usual else draw(st.sampled_from(IMAGES)))(pictures)}
    words = st.lists(st.sampled_from(PLAIN_TEXTS), min_size=ROWS, max_size=ROWS)
    labels = draw(st.one_of(st.sampled_from(LABELS), words))
    columns[draw(st.sampled_from(("label", "emotion", "labels")))] = labels
    if draw(st.integers(0, 3)) == 0:
        columns["usage"] = draw(st.one_of(words, st.just(["Training"] * ROWS), st.sampled_from(LABELS)))
    if draw(st.integers(0, 3)) == 0:
        columns |= {name: draw(st.one_of(st.just([1] * ROWS), st.sampled_from(LABELS))) for name in VOTE_COLUMNS}
    try:
        table = pa.table(columns)
    except pa.ArrowException:  # these values make no column
        reject()
    if draw(st.integers(0, 2)) == 0:
        features = draw(st.one_of(st.just(FEATURES), spoilt(FEATURES)))
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    buffer = io.BytesIO()
    codec = draw(st.sampled_from(("snappy", "none", "zstd", "gzip", "brotli")))
    parquet.write_table(table, buffer, compression=codec, row_group_size=draw(st.integers(1, 3)))
    content = buffer.getvalue()
    return draw(damaged([content])) if draw(st.integers(0, 1)) == 0 else content


def targets(originals: Originals) -> dict[str, Target]:
    """Readers of Parquet, by name."""

    def read(content: bytes, folder: Path) -> object:
        path = folder / "faces.parquet"
        path.write_bytes(content)
        return describe(open_faces(path, skip_bad=True))

    return {"Parquet": Target(tables(originals.pictures[:6]), read)}
