"""`Bundle`: a trained classifier as it ships: graphs from `uint8` faces to probabilities, and a card about them.

```
<bundle>/
├── model.onnx         fp32: faces uint8 (N, 48, 48) → probabilities float32 (N, C)
├── model.int8.onnx    the same in 8 bits; a bundle may hold one of the two alone
├── model.safetensors the weights in 16 bits, to train on from; only where the export was asked for it
├── card.json          classes, input, files with their sha256, training, scores, limits; written last
└── CARD.md            the card for people
```
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mien.core.arguments import checked
from mien.core.card import Card, GraphFile, GraphPrecision
from mien.core.errors import DataError, UsageError, nearest
from mien.core.files import is_file, read_json, refuse_address, verify
from mien.core.labels import check_names
from mien.core.model_id import ModelId
from mien.core.schema import check_schema

Precision = Literal["default", "fp32", "int8"]

GRAPHS: dict[GraphPrecision, str] = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
"""The file of each precision."""

CARD = "card.json"
WEIGHTS = "model.safetensors"
"""The file of the weights."""

FILES = (CARD, "CARD.md", *GRAPHS.values())
"""All that classifying needs."""

DEFAULT = "mien-s"
"""The bundle that ships for whoever names none."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle's folder (absolute) and its card, checked when opened."""

    path: Path
    card: Card

    @classmethod
    @checked
    def open(cls, where: str | Path) -> "Bundle":
        """Open a bundle: its folder, its name below `runs/export`, or the name of one that ships with mien.

        Raises:
            DataError: there is none, another version of mien has written it, or its card is damaged.
        """
        path = find(where)
        if path is None:
            raise DataError(
                f"{where}: no bundle (no {CARD} in it), and none that ships with mien; "
                f"{nearest(str(where), shipped())}; `mien export RUN` makes one"
            )
        return cls(path, _read_card(path / CARD))

    @property
    def classes(self) -> tuple[str, ...]:
        """The C class names in the order of the graph's output."""
        return self.card.classes

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the card."""
        return self.card._repr_html_()

    @checked
    def model_id(self, precision: GraphPrecision) -> ModelId:
        """Return which network the graph of a precision is."""
        return ModelId(
            name=self.card.name,
            version=self.card.versions["mien"],
            sha256=self.card.files[precision].sha256,
        )

    @checked
    def resolve(self, precision: Precision) -> GraphPrecision:
        """Turn `default` into the precision that the card names.

        Raises:
            UsageError: no such precision, or it is not in this bundle.
        """
        if precision not in get_args(Precision):
            raise UsageError(f"no precision '{precision}', {nearest(precision, get_args(Precision))}")
        chosen = self.card.precision.default if precision == "default" else precision
        if chosen not in self.card.files:
            raise UsageError(f"{self.path}: no {chosen} in this bundle, only {', '.join(self.card.files)}")
        return chosen

    @checked
    def read_model(self, precision: Precision = "default") -> bytes:
        """Read an ONNX file and check it against the card.

        Raises:
            DataError: missing, or not the file that the card describes.
            UsageError: no such precision.
        """
        return self._read(self.card.files[self.resolve(precision)])

    @checked
    def read_weights(self) -> bytes:
        """Read the weights in 16 bits and check them against the card.

        Raises:
            DataError: missing, or not the file that the card describes.
            UsageError: the bundle has none.
        """
        if self.card.weights is None:
            raise UsageError(
                f"{self.path}: only graphs in this bundle, no weights; name the run that it was made of, or export "
                "that again with --weights"
            )
        return self._read(self.card.weights)

    def _read(self, expected: GraphFile) -> bytes:
        path = self.path / expected.file
        if path.resolve().parent != self.path.resolve():
            raise DataError(f"{path}: a link to a file outside the bundle; copy the file itself into it")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: can't be read ({error.strerror}); export again or restore the file") from None
        said_by = f"{self.path / CARD} says"
        verify(path, content, sha256=expected.sha256, size=expected.bytes, said_by=said_by, remedy="export again")
        return content


def find(where: str | Path) -> Path | None:
    """Return the absolute folder of the bundle that `where` names, or None.

    Raises:
        DataError: a name that is too long for one.
        UsageError: one that was exported and one that ships have that name; no name, or an address.
    """
    if not str(where):
        raise UsageError("no model: the name is empty; name a run, a bundle or one that ships (`mien models`)")
    refuse_address(where)
    exported = Path("runs/export") / where
    try:
        if is_file(Path(where) / CARD):
            return Path(where).absolute()
        found = [exported.absolute()] if is_file(exported / CARD) else []
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


def _read_card(path: Path) -> Card:
    values = read_json(path)
    check_schema(values, path.parent, again="export it again")
    card = Card.from_dict(values, source=path)
    for precision, graph in card.files.items():
        if graph.file != GRAPHS[precision]:  # so that a card can't name a file outside its folder
            raise DataError(f"{path}: damaged (the {precision} graph is '{graph.file}', expected {GRAPHS[precision]})")
    if card.weights is not None and card.weights.file != WEIGHTS:
        raise DataError(f"{path}: damaged (the weights are '{card.weights.file}', expected {WEIGHTS})")
    if card.precision.default not in card.files:
        raise DataError(f"{path}: damaged (the default is {card.precision.default}, and the bundle doesn't hold it)")
    if card.flip and set(card.flip) != set(card.files):
        raise DataError(f"{path}: damaged (flip has figures of {', '.join(card.flip)}, expected those of each graph)")
    if "mien" not in card.versions:
        raise DataError(f"{path}: damaged (versions has no 'mien')")
    check_names(card.classes, source=path)
    for shares in (card.training.data.shares, card.prior):
        if shares and set(shares) != set(card.classes):
            raise DataError(f"{path}: damaged (shares of {', '.join(shares)}, expected one of each class)")
    return card
