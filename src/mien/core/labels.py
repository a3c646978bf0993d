"""Class names of the public data sets, in the order of their files."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from mien.core.errors import DataError
from mien.core.text import UNSHOWABLE

FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's seven, label 0 to 6 (Goodfellow et al. 2013, arXiv 1307.0414)."""

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""FER+'s eight expressions (Barsoum et al. 2016, arXiv 1608.01041)."""

FERPLUS_VOTES = (*FERPLUS, "unknown", "NF")
"""The ten columns of a FER+ vote; NF is "not a face"."""


MOST_CLASSES = 1000
LONGEST_NAME = 256
"""Characters of a class name."""

FERPLUS_NAMES = {"angry": "anger", "happy": "happiness", "sad": "sadness"}
"""FER2013's class names that FER+ spells otherwise."""


EXPRESSIONS = frozenset((*FER2013, *FERPLUS))


def spell_classes(names: Iterable[str]) -> dict[str, str]:
    """Find the class that each name means: names that differ only in upper case or outer blanks mean the same one.

    FER2013's and FER+'s classes are spelled as there; of other spellings the alphabetically first one is taken.

    >>> spell_classes(["Happy", "happy ", "smirk", "Smirk"])
    {'Happy': 'happy', 'Smirk': 'Smirk', 'happy ': 'happy', 'smirk': 'Smirk'}
    """
    spelled: dict[str, str] = {}
    for name in EXPRESSIONS:
        spelled[name] = name
    classes = {}
    for name in sorted(names):
        plain = unicodedata.normalize("NFC", name).strip()  # macOS hands out names in another form
        classes[name] = spelled.setdefault(plain.casefold(), plain)
    return classes


def spelling_notes(spelled: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note if several names mean one class, by what `spell_classes` gave."""
    by_class: dict[str, list[str]] = {}
    for name, name_of_class in spelled.items():
        by_class.setdefault(name_of_class, []).append(f"'{name}'")
    merged = [" and ".join(names) for names in by_class.values() if len(names) > 1]
    return (f"these names are one class each: {', '.join(merged)}",) if merged else ()


def check_names(names: Sequence[str], *, source: object) -> None:
    r"""Raise `DataError`, which names `source`, unless class names are different texts that can be shown.

    >>> check_names(["happy", "a\nb"], source="faces/")
    Traceback (most recent call last):
    mien.core.errors.DataError: faces/: the class name 'a\nb' has characters that can't be shown; rename it
    """
    if len(names) > MOST_CLASSES:
        raise DataError(f"{source}: {len(names):,} classes, at most {MOST_CLASSES:,} are allowed")
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise DataError(f"{source}: the class name {str(name)[:80]!r} is no text of 1 to {LONGEST_NAME} characters")
        if UNSHOWABLE.search(name):
            raise DataError(f"{source}: the class name '{name}' has characters that can't be shown; rename it")
    if len(set(names)) != len(names):
        raise DataError(f"{source}: class names are not unique: {', '.join(names)}")


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Give the classes that were found their order: a known data set's own, else alphabetical with numbers by value.

    >>> order_classes(["sad", "happy", "angry", "neutral", "fear", "disgust", "surprise"]) == FER2013
    True
    >>> order_classes(["smile", "10", "9", "frown"])
    ('9', '10', 'frown', 'smile')
    """
    found = set(names)
    for known in (FER2013, FERPLUS):
        if found == set(known):
            return known
    return tuple(sorted(found, key=number_order))


def number_order(name: str) -> list[tuple[bool, int, str, str]]:
    """Return the key that sorts names with the numbers in them by value.

    >>> sorted(["b10", "b9", "a"], key=number_order)
    ['a', 'b9', 'b10']
    """
    parts = []
    for part in re.split(r"(\d+)", name):
        if part.isdecimal():
            # Python turns no 5,000 digits into a number; of those without zeros in front the longer one is greater.
            digits = "".join(str(int(digit)) for digit in part).lstrip("0")
            parts.append((False, len(digits), digits, part))
        elif part:
            parts.append((True, 0, "", part))
    return parts
