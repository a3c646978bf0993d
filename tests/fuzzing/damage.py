"""Real files, damaged: bits flipped, parts cut out, put in, overwritten or taken from another file."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy], object]
EDGE = 128
"""Half of the damage is done so close to a file's start or end, where headers and indexes are."""
LENGTHS = (0, 1, 2, 4, 8, 16, 64, 300, 5000)
NUMBERS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1)


@st.composite
def damaged(draw, files: Sequence[bytes]) -> bytes:
    """One of the files after one to five pieces of damage, mostly one."""
    content = draw(st.sampled_from(files))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3, 5)))):
        content = draw(st.sampled_from(DAMAGE))(draw, content, files)
    return content


def _place(draw, content: bytes) -> int:
    size = len(content)
    near = draw(st.integers(0, min(EDGE, size)))
    return {"start": near, "end": size - near}.get(where) if (where := draw(WHERE)) else draw(st.integers(0, size))


WHERE = st.sampled_from(("start", "end", "", ""))


def _flip(draw, content, files):
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 8))):
        at = _place(draw, content)
        if at < len(changed):
            changed[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def _cut_end(draw, content, files):
    return content[: _place(draw, content)]


def _cut_out(draw, content, files):
    at = _place(draw, content)
    return content[:at] + content[at + draw(st.sampled_from(LENGTHS)) :]


def _put_in(draw, content, files):
    at = _place(draw, content)
    return content[:at] + draw(st.binary(max_size=64)) + content[at:]


def _zeros(draw, content, files):
    at, length = _place(draw, content), draw(st.sampled_from(LENGTHS))
    return content[:at] + bytes(min(length, len(content) - at)) + content[at + length :]


def _number(draw, content, files):
    at, width = _place(draw, content), draw(st.sampled_from((1, 2, 4, 8)))
    number = draw(st.sampled_from(NUMBERS)) % 256**width
    return content[:at] + number.to_bytes(width, draw(st.sampled_from(("big", "little")))) + content[at + width :]


def _repeat(draw, content, files):
    at, length = _place(draw, content), draw(st.sampled_from(LENGTHS))
    return content[: at + length] + content[at : at + length] * draw(st.integers(1, 3)) + content[at + length :]


def _other_head(draw, content, files):
    other, length = draw(st.sampled_from(files)), draw(st.sampled_from(LENGTHS))
    return other[:length] + content[length:]


DAMAGE = (_flip, _flip, _cut_end, _cut_out, _put_in, _zeros, _number, _number, _repeat, _other_head)
