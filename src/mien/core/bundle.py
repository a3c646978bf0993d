"""`Bundle`: a trained classifier as it ships: graphs from `uint8` faces to probabilities, and a card about them.

```
<bundle>/
├── model.onnx         fp32: faces uint8 (N, 48, 48) → probabilities float32 (N, C)
├── model.int8.onnx    the same in 8 bits; a bundle may hold one of the two alone
├── card.json          labels, input, files with their sha256, training, scores, limits; written last
└── CARD.md            the card for people
```
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from mien.core.errors import DataError, UsageError, nearest
from mien.core.files import read_json, verify
from mien.core.labels import check_names
from mien.core.schema import check_schema

if TYPE_CHECKING:
    from mien.core.model_id import ModelId

Precision = Literal["default", "fp32", "int8"]

GRAPHS = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
"""The file of each precision."""

CARD = "card.json"
FILES = (CARD, "CARD.md", *GRAPHS.values())
"""Everything that a bundle consists of."""

DEFAULT = "mien-s-ferplus"
"""The bundle that ships for whoever names none."""

_KEYS = {
    "schema_version": int,
    "name": str,
    "labels": list,
    "input": dict,
    "files": dict,
    "precision": dict,
    "training": dict,
    "scores": dict,
}


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle's folder (absolute) and its card, checked when opened; `docs/exporting.md` lists the card's keys."""

    path: Path
    card: dict[str, Any]

    @classmethod
    def open(cls, where: str | Path) -> "Bundle":
        """Open a bundle: its folder, its name below `runs/export`, or the name of one that ships with mien.

        Raises:
            DataError: there is none, another version of mien has written it, or its card is damaged.
        """
        path = find(where)
        if path is None:
            names = shipped()
            raise DataError(
                f"{where}: no bundle (no {CARD} in it)"
                + (f", and none that ships; {nearest(str(where), names)}" if names else "")
                + "; `mien export RUN` makes one"
            )
        return cls(path, _read_card(path / CARD))

    @property
    def labels(self) -> tuple[str, ...]:
        """The C class names in the order of the graph's output."""
        return tuple(self.card["labels"])

    def model_id(self, precision: Literal["fp32", "int8"]) -> "ModelId":
        """Say which network the graph of a precision is."""
        from mien.core.model_id import ModelId  # its msgspec is not needed to predict

        return ModelId(
            name=self.card["name"],
            version=self.card["versions"]["mien"],
            sha256=self.card["files"][precision]["sha256"],
        )

    def resolve(self, precision: Precision) -> Literal["fp32", "int8"]:
        """Turn `default` into the precision that the card names.

        Raises:
            UsageError: no such precision, or it is not in this bundle.
        """
        if precision not in get_args(Precision):
            raise UsageError(f"no precision '{precision}', {nearest(precision, get_args(Precision))}")
        chosen: Literal["fp32", "int8"] = self.card["precision"]["default"] if precision == "default" else precision
        if chosen not in self.card["files"]:
            raise UsageError(f"{self.path}: no {chosen} in this bundle, only {', '.join(self.card['files'])}")
        return chosen

    def read_model(self, precision: Precision = "default") -> bytes:
        """Read an ONNX file and check it against the card.

        Raises:
            DataError: missing, or not the file that the card describes.
            UsageError: no such precision.
        """
        expected = self.card["files"][self.resolve(precision)]
        path: Path = self.path / expected["file"]
        if path.resolve().parent != self.path.resolve():
            raise DataError(f"{path}: a link to a file outside the bundle; copy the file itself into it")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: can't be read ({error.strerror}); export again or restore the file") from None
        said_by = f"{self.path / CARD} says"
        verify(path, content, sha256=expected["sha256"], size=expected["bytes"], said_by=said_by, remedy="export again")
        return content


def find(where: str | Path) -> Path | None:
    """Return the absolute folder of the bundle that `where` names, or None.

    Raises:
        DataError: a name that is too long for one.
        UsageError: one that was exported and one that ships have that name.
    """
    exported = Path("runs/export") / where
    try:
        if (Path(where) / CARD).is_file():
            return Path(where).absolute()
        found = [exported.absolute()] if (exported / CARD).is_file() else []
    except OSError as error:
        raise DataError(f"{where}: can't be read ({error.strerror})") from None
    found += [weights() / str(where)] if str(where) in shipped() else []
    if len(found) > 1:
        raise UsageError(f"'{where}' names two bundles: {found[0]} and {found[1]}, which ships; give the path")
    return found[0] if found else None


def shipped() -> list[str]:
    """Name the bundles that ship with mien."""
    return sorted(path.parent.name for path in weights().glob(f"*/{CARD}"))


def weights() -> Path:
    """Return the folder of all that ships trained."""
    return Path(__file__).parents[1] / "weights"


def _read_card(path: Path) -> dict[str, Any]:
    card = read_json(path)
    check_schema(card, path.parent, again="export it again")
    wrong = [key for key, kind in _KEYS.items() if not isinstance(card.get(key), kind)]
    wrong += [] if wrong or card["files"] else ["files"]
    wrong += [] if wrong else [f"files.{name}" for name, each in card["files"].items() if not _describes(each, name)]
    wrong += [] if wrong or card["precision"].get("default") in tuple(card["files"]) else ["precision.default"]
    wrong += [] if wrong or _is_share(card["input"].get("crop_margin")) else ["input.crop_margin"]
    wrong += [] if wrong else _wrong_scores(card)
    if wrong:
        raise DataError(f"{path}: damaged (missing or wrong: {', '.join(wrong)})")
    check_names(card["labels"], source=path)
    return card


def _wrong_scores(card: dict[str, Any]) -> list[str]:
    """Name what `mien eval` can't take from a card."""
    data, scores = card["training"].get("data"), card["scores"]
    known = isinstance(data, dict) and data.get("labels") in ("own", "ferplus")
    known = known and isinstance(data.get("fingerprint"), str)
    wrong = [] if known else ["training.data"]
    wrong += [] if isinstance(scores.get("split"), str) else ["scores.split"]
    told = {name: scores.get(name) for name in GRAPHS}
    return wrong + [
        f"scores.{name}"
        for name, each in told.items()
        if not isinstance(each, dict) or not _is_share(each.get("accuracy"))
    ]


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _describes(entry: Any, precision: str) -> bool:
    """Whether an entry of `files` is whole; a card can't name a file outside its folder."""
    kinds = {"file": str, "bytes": int, "sha256": str}
    whole = isinstance(entry, dict) and all(isinstance(entry.get(key), kind) for key, kind in kinds.items())
    return whole and entry["file"] == GRAPHS.get(precision)
