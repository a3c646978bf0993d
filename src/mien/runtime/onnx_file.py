"""Checking an ONNX file before it is run: a graph whose weights lie in other files is refused.

ONNX Runtime would open any file that such a graph names.  The file is a protobuf message; only the fields that can lead
to a tensor are followed, by their numbers in <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.
"""

from collections.abc import Iterator

from mien.core.errors import DataError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types."""

FIXED_BYTES = {FIXED64: 8, FIXED32: 4}

LEADS_TO: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""The kinds of messages, and which of their fields are messages in turn."""

EXTERNAL_DATA, DATA_LOCATION = 13, 14
"""Fields of a tensor that say where else its values are."""

DEEPEST = 100
"""Levels of nesting, as protobuf itself allows."""


def require_whole(content: bytes) -> None:
    """Raise `DataError` if an ONNX file's content is damaged, or has tensors whose values lie in other files."""
    try:
        _check(memoryview(content), "model", DEEPEST)
    except (IndexError, ValueError) as error:
        raise DataError(f"not a graph that ONNX Runtime can run (damaged: {error})") from None


def _check(message: memoryview, kind: str, levels: int) -> None:
    if not levels:
        raise ValueError("nested too deeply")
    for field, value in _fields(message):
        if kind == "tensor":
            if field == EXTERNAL_DATA or (field == DATA_LOCATION and value):
                raise DataError("the graph's weights lie in other files, which are not opened; export it as one file")
            continue
        inner = LEADS_TO[kind].get(field)
        if inner is not None and isinstance(value, memoryview):
            _check(value, inner, levels - 1)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield each field's number and value: bytes (also those of numbers of fixed width), or a number."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key >> 32:  # protobuf would drop those bits, and see another field
            raise ValueError("a field's number of more than 32 bits")
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(message, at)
            yield field, value
            continue
        if wire == BYTES:
            length, at = _varint(message, at)
        elif wire in (FIXED64, FIXED32):
            length = FIXED_BYTES[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(message):
            raise ValueError("cut off")
        yield field, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
