"""Values that nobody expects, and documents (as JSON and TOML have them) that hold some in odd places."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

DEEP = "deep nesting stands here"
"""Is replaced in the text of a document by brackets that no recursive parser survives."""
LONG = "9" * 5000
TEXTS = (
    *("", " ", "\0", "a\0b", "\n", "\x1b[31m", "\ud800", "\u202e", "<script>alert(1)</script>", "=1+1", "../../x"),
    *("/etc/passwd", "$\\frac{$", "$a$", "nan", "-1", "1e999", "𝔥𝔞𝔭𝔭𝔶", "高兴", "x" * 300, "x" * 100_000, LONG),
    *("synthetic:0", f"synthetic:{LONG}", "%s%n", "{0}", "{{ 1 }}", "'\"&", "latest"),
)
NUMBERS = (0, 1, -1, 2, 7, 255, 256, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e-320, 1e308, -1e308)
NO_NUMBERS = (float("nan"), float("inf"), -float("inf"))

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=8))
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(NO_NUMBERS),
    texts,
    st.just(DEEP),
    st.sampled_from(([], {}, [[]], [None], {"": None}, [0] * 3, ["a"], {"a": "b"}, [1, "a", None], [[1, 2], [3]])),
).map(deepcopy)


@st.composite
def spoilt(draw, document: Any) -> Any:
    """A copy of a document in which one to three values are others, missing, doubled or of another type."""
    changed = deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        changed = _spoil(draw, changed, depth=draw(st.integers(0, 6)))
    return changed


def _spoil(draw, value: Any, *, depth: int) -> Any:
    """Go down `depth` levels at random and change what is there."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys:
        return draw(odd)
    key = draw(st.sampled_from(keys))
    deeper = depth > 1 and isinstance(value[key], dict | list) and value[key]
    value[key] = _spoil(draw, value[key], depth=depth - 1) if deeper else _changed(draw, value[key])
    if not deeper and draw(st.integers(0, 4)) == 0:
        del value[key]
    return value


def _changed(draw, value: Any) -> Any:
    near: list[Any] = [[value], {"a": value}, str(value), [value, value]]
    if isinstance(value, int | float) and abs(value) < 2**53:
        near += [-value, value * 10**9, value + 0.5, 0]
    if isinstance(value, list):
        near += [value[:-1], value * 2, value[::-1]]
    if isinstance(value, str):
        near += [value + "\0", value.upper(), value * 50, list(value)]
    return draw(st.one_of(odd, st.sampled_from(near)))


def as_json(document: Any) -> bytes:
    """Write a document as JSON, lone surrogates and NaN included."""
    text = json.dumps(document, ensure_ascii=True)
    return text.replace(f'"{DEEP}"', "[" * 50_000 + "]" * 50_000).encode()


def as_toml(document: Any) -> bytes:
    """Write a document as TOML, without its nulls; what TOML can't hold becomes what it can't read."""
    if not isinstance(document, dict):
        return _inline(document).encode("utf-8", "surrogatepass")
    lines = [f"{json.dumps(key)} = {_inline(value)}" for key, value in document.items() if value is not None]
    return "\n".join(lines).replace(f'"{DEEP}"', "[" * 50_000 + "]" * 50_000).encode("utf-8", "surrogatepass")


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_inline(each)}" for key, each in value.items() if each is not None)
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else json.dumps(value)
