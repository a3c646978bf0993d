"""`KnownFaces`: how much of a published data set is among some faces."""

from dataclasses import dataclass

from mien.core.records import Record


@dataclass(frozen=True, kw_only=True)
class KnownFaces(Record):
    """A split of a published data set, of which at least 99 % are among some faces, in any order.

    Attributes:
        data_set: its name: `FER2013`.
        split: the name that it has there: `PublicTest`.
        faces: how many faces it has; with FER+'s labels, those with a majority.
        found: how many of them are there with the same pixels.
    """

    data_set: str
    split: str
    faces: int
    found: int

    @property
    def name(self) -> str:
        """The data set and its split in one."""
        return f"{self.data_set} {self.split}"

    @property
    def text(self) -> str:
        """What is there, and how many faces differ."""
        text = f"{self.data_set}, {self.split} complete"
        if self.found < self.faces:
            text += f", faces that differ or are missing: {self.faces - self.found}"
        return text


@dataclass(frozen=True, kw_only=True)
class PublishedFaces(KnownFaces):
    """The faces for which a bundle's card gives an accuracy, among the scored ones; `accuracy` is of those found."""

    accuracy: float
