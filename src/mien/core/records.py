"""`Record`: the base of every result that mien stores as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec

from mien.core.errors import DataError
from mien.core.files import read_json, write_json
from mien.core.schema import check_schema


class Record:
    """A frozen dataclass of plain values and other records, stored as one JSON object.

    Subclasses are `@dataclass(frozen=True, kw_only=True)`.  Keys that a newer mien has added are ignored when an older
    one reads them.

    Attributes:
        SCHEMA_VERSION: `mien.core.schema.SCHEMA_VERSION` in records that are the whole of a file; None in their parts.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Share(Record):
    ...     name: str
    ...     share: float | None = None
    >>> Share.from_dict({"name": "happy", "share": 1}, source="shares.json").to_dict()
    {'name': 'happy', 'share': 1.0}
    >>> Share.from_dict({"share": 1}, source="shares.json")
    Traceback (most recent call last):
    mien.core.errors.DataError: shares.json: damaged, or not a file of this kind (object missing required field `name`)
    """

    SCHEMA_VERSION: ClassVar[int | None] = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold; `schema_version` comes first where the record has one."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        if self.SCHEMA_VERSION is None:
            return values
        return {"schema_version": self.SCHEMA_VERSION, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, source: str | Path) -> Self:
        """Check plain values and build the record.

        Args:
            values: what `to_dict` returned, or JSON gave back.
            source: what to call them in an error.

        Raises:
            DataError: written by another version of mien, a missing key, or a value of another type.
        """
        if cls.SCHEMA_VERSION is not None:
            check_schema(values, source, again="make it again")
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            reason = str(error)
            reason = reason[:1].lower() + reason[1:]
            raise DataError(f"{source}: damaged, or not a file of this kind ({reason})") from None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the record from a JSON file.

        Raises:
            DataError: no such file, damaged, or of another schema version.
        """
        return cls.from_dict(read_json(Path(path)), source=path)

    def write(self, path: str | Path) -> None:
        """Write the record as indented JSON, atomically.

        Raises:
            StorageError: the file can't be written; what was there before is unchanged.
        """
        write_json(Path(path), self.to_dict())

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows; None, for its text, where nobody reads the record as a whole."""
        from mien.core.notebook import show
        from mien.core.summaries import summarise

        parts = summarise(self)
        return show(parts) if parts else None
