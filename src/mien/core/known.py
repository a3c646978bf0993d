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
        """What is there, and how many faces are not."""
        if self.found == self.faces:
            return f"{self.name} complete"
        others = self.faces - self.found
        verb = "differs or is" if others == 1 else "differ or are"
        return f"{self.found:,} of {self.faces:,} faces of {self.name}; {others:,} {verb} missing"


@dataclass(frozen=True, kw_only=True)
class PublishedFaces(KnownFaces):
    """The faces for which a bundle's card gives an accuracy, among the scored ones; `accuracy` is of those found."""

    accuracy: float
