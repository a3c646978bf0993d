"""Packed tables: archives of any content, whole and damaged, and small ones that unpack to much more than they are."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from mien.core.faces import FaceSet
from mien.core.labels import FERPLUS_VOTES
from mien.data.formats import open_faces
from mien.workflows.describe import describe

from .damage import damaged
from .target import Target

HOW = ("gz", "gz", "zip", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "bz2", "xz")
NAMES = (
    *("fer2013.csv", "fer2013.csv", "a/b/FER.CSV", "a.tsv", "a.parquet", "../../x.csv", "/etc/x.csv", ".hidden.csv"),
    *("__MACOSX/._a.csv", "README", "\x1b[2J.csv", "x" * 300 + ".csv", "\u9ad8.csv", "[Content_Types].xml", "a.npy"),
)
KINDS = (tarfile.REGTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)
PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
MANY = 300_000_000
"""So many zeros are in a member that is a bomb."""


def pack(members: list[tuple[str, bytes]], how: str, *, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Put files into an archive; what packs a single file takes the first."""
    if how in PACKED:
        return PACKED[how](members[0][1] if members else b"")
    buffer = io.BytesIO()
    if how == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode=f"w:{how.removeprefix('tar').removeprefix('.')}") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "fer2013.csv"
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@cache
def bomb(how: str) -> bytes:
    """A small archive of `MANY` zeros."""
    return pack([("fer2013.csv", bytes(MANY))], how)


@st.composite
def archives(draw, table: bytes) -> bytes:
    """An archive of some files, most of them tables; half of the archives are damaged."""
    how = draw(st.sampled_from(HOW))
    if draw(st.integers(0, 39)) == 0:
        return bomb(draw(st.sampled_from(("gz", "zip", "tar.gz"))))
    content = st.one_of(st.just(table), damaged([table]), st.binary(max_size=20), st.just(gzip.compress(table)))
    members = draw(st.lists(st.tuples(st.sampled_from(NAMES), content), min_size=0, max_size=3))
    if draw(st.booleans()):
        members = [("fer2013.csv", draw(content))]
    whole = pack(members, how, kind=draw(st.sampled_from(KINDS)))
    return draw(damaged([whole])) if draw(st.booleans()) else whole


def targets(faces: FaceSet) -> dict[str, Target]:
    """Readers of packed tables, by name."""
    rows = [
        f"{row},{' '.join(map(str, image.ravel().tolist()))},Training" for row, image in enumerate(faces.images[:4])
    ]
    table = "\n".join(["emotion,pixels,Usage", *rows]).encode()
    votes = "\n".join([f"Usage,{','.join(FERPLUS_VOTES)}", *["Training,9,1,0,0,0,0,0,0,0,0"] * 4]).encode()

    def read(content: bytes, folder: Path) -> object:
        (folder / "packed").write_bytes(content)
        return describe(open_faces(folder / "packed"))

    def read_votes(content: bytes, folder: Path) -> object:
        (folder / "fer2013.csv").write_bytes(table)
        (folder / "packed").write_bytes(content)
        return describe(open_faces(folder / "fer2013.csv", votes=folder / "packed"))

    return {
        "packed tables": Target(archives(table), read),
        "packed votes": Target(archives(votes), read_votes),
    }
