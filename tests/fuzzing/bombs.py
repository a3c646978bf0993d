"""Small files that unpack to much more than they are."""

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from mien.core.arrays import read_arrays
from mien.core.images import decode_colour
from mien.data.formats import open_faces
from mien.training.checkpoint_io import read_checkpoint

from .target import Target

LARGE = st.floats(0, 13).map(lambda exponent: int(10**exponent))
"""How much something is said to be, or is: 1 to 10¹³, each power of ten as often as the others."""

SIDES = (1, 48, 2000, 8000, 20_000, 2**31 - 1)
KINDS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""PNG's colour types and how many values a pixel has."""


def png(width: int, height: int, *, kind: int, bits: int, rows: int, text_bytes: int = 0) -> bytes:
    """A PNG that says it is so large and has so many rows of zeros; `text_bytes` of zeros are a comment."""
    packed = zlib.compressobj(9)
    line = bytes(1 + (width * KINDS[kind] * bits + 7) // 8)
    data = b"".join(packed.compress(line) for _ in range(rows)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", bytes(3 * 256))] if kind == 3 else [(b"IHDR", head)]
    chunks += [(b"zTXt", b"a\0\0" + zlib.compress(bytes(text_bytes), 9))] if text_bytes else []
    parts = [_chunk(name, content) for name, content in [*chunks, (b"IDAT", data), (b"IEND", b"")]]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@st.composite
def pngs(draw) -> bytes:
    """A PNG of extreme size whose rows may be there or not."""
    width, height = draw(st.sampled_from(SIDES)), draw(st.sampled_from(SIDES))
    kind = draw(st.sampled_from(sorted(KINDS)))
    bits = 8 if kind == 3 else draw(st.sampled_from((8, 16)))
    rows = height if width * height <= 64_000_000 and draw(st.booleans()) else 3
    text_bytes = draw(st.sampled_from((0, 0, 0, 10**6, 10**8)))
    return png(width, height, kind=kind, bits=bits, rows=rows if width < 10**6 else 0, text_bytes=text_bytes)


@st.composite
def parquets(draw) -> bytes:
    """A Parquet file of the same large picture or label many times: at most 30 MB, or 500 MB in one of fifty."""
    face = io.BytesIO()
    Image.new("L", (48, 48)).save(face, "BMP")
    rows = draw(st.integers(1, 5000))
    size = min(draw(LARGE), 3 * 10**7 // rows)
    if draw(st.integers(0, 49)) == 0:
        size, rows = 10**6, 500
    picture = face.getvalue() + bytes(0 if (in_label := draw(st.booleans())) else size)
    labels = pa.array(["x" * size if in_label else "happy"] * rows)
    table = pa.table({"image": pa.StructArray.from_arrays([pa.array([picture] * rows)], ["bytes"]), "label": labels})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd", use_dictionary=draw(st.booleans()))
    return buffer.getvalue()


DTYPES = ("|u1", "|u1", "<f8", "<U1000", "|b1", "<c16", "|O", "|V100000")


@st.composite
def archives(draw) -> bytes:
    """An `.npz` with an array of zeros that is said to be, or is, very large; one of forty has 600 MB."""
    count = draw(LARGE)
    there = draw(st.sampled_from((0, 10**6, 10**7)))
    if draw(st.integers(0, 39)) == 0:
        count = there = 6 * 10**8
    shape = draw(st.sampled_from(((count,), (count, 0), (1, count), (2**31, 2**31, count), (-count,), ())))
    head = io.BytesIO()
    about = {"descr": draw(st.sampled_from(DTYPES)), "fortran_order": draw(st.booleans()), "shape": shape}
    np.lib.format.write_array_header_1_0(head, about)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
        member.write(head.getvalue())
        for _ in range(there // 10**6):
            member.write(bytes(10**6))
    return buffer.getvalue()


@st.composite
def checkpoints(draw) -> bytes:
    """A checkpoint that is small in the file and large in memory."""
    count = draw(LARGE)
    kind = draw(st.sampled_from(("zeros", "view", "byte array", "nested")))
    value: Any = torch.zeros(min(count, 10**6))
    if kind == "view":
        value = torch.zeros(1).expand(count)
    elif kind == "byte array":
        value = _ByteArray(count)
    elif kind == "nested":
        for _ in range(draw(st.integers(0, 600))):
            value = [value, value]
    buffer = io.BytesIO()
    torch.save({"loops": value, "state_dict": value}, buffer)
    if draw(st.booleans()):
        return buffer.getvalue()
    packed = io.BytesIO()
    with zipfile.ZipFile(buffer) as whole, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as small:
        for member in whole.infolist():
            small.writestr(member.filename, whole.read(member))
    return packed.getvalue()


class _ByteArray:
    """Is pickled as an array of so many bytes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __reduce__(self) -> tuple[Any, ...]:
        return bytearray, (self.size,)


def targets() -> dict[str, Target]:
    """Bombs, by name."""

    def read_png(content: bytes, folder: Path) -> object:
        return decode_colour(content).shape

    def read_parquet(content: bytes, folder: Path) -> object:
        (folder / "bomb.parquet").write_bytes(content)
        return len(open_faces(folder / "bomb.parquet"))

    def read_archive(content: bytes, folder: Path) -> object:
        (folder / "bomb.npz").write_bytes(content)
        return len(read_arrays(folder / "bomb.npz", holds="faces"))

    def read_one_checkpoint(content: bytes, folder: Path) -> object:
        (folder / "bomb.ckpt").write_bytes(content)
        return read_checkpoint(folder / "bomb.ckpt", "loops")

    return {
        "checkpoint bombs": Target(checkpoints(), read_one_checkpoint),
        "PNG bombs": Target(pngs(), read_png),
        "Parquet bombs": Target(parquets(), read_parquet),
        "npz bombs": Target(archives(), read_archive),
    }
