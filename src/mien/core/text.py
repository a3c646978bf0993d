"""Text for several places: what comes from data, made safe to show; and who taught a network."""

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 2000
"""Characters of a message; of a longer one the middle is left out."""

UNSHOWABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line ends, what turns the direction of writing around, and halves of characters."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")


def readable(text: str) -> str:
    r"""Escape what would move a terminal's cursor or can't be written, and shorten what nobody reads to its end.

    >>> readable("a\x1b[31m\n")
    'a\\x1b[31m\\n'
    """
    shown = UNSHOWABLE.sub(_escaped, text)
    if len(shown) <= LONGEST:
        return shown
    half = LONGEST // 2
    return f"{shown[:half]} … ({len(shown) - 2 * half:,} characters left out) … {shown[-half:]}"


def in_utf8(name: str) -> str:
    r"""Escape what UTF-8 can't hold: names of files that are in another encoding come with halves of characters.

    >>> in_utf8("caf\udce9.jpg"), in_utf8("café.jpg")
    ('caf\\udce9.jpg', 'café.jpg')
    """
    return name.encode("utf-8", "backslashreplace").decode()


def p_value(p: float | None) -> str:
    """Write a p value.

    >>> p_value(0.0312), p_value(0.0002), p_value(None)
    ('0.031', '< 0.001', '–')
    """
    if p is None:
        return "–"
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def percentage(share: float | None, digits: int = 1) -> str:
    """Write a share of 0 to 1 for people: the one way in which terminals, cards and messages do.

    >>> percentage(0.70412), percentage(0.70412, 2), percentage(None)
    ('70.4 %', '70.41 %', '–')
    """
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def escape_controls(text: str) -> str:
    r"""Escape what would move a terminal's cursor or turn the writing around; line ends and tabs stay.

    >>> escape_controls("a\x1b[31m\n")
    'a\\x1b[31m\n'
    """
    return UNSHOWABLE.sub(lambda found: found[0] if found[0] in "\n\t" else _escaped(found), text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def spreadsheet_cell(value: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would take for a formula; numbers stay, also those in a text.

    A carriage return in a text is escaped.  The advice of OWASP, <https://owasp.org/www-community/attacks/CSV_Injection>.

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("happy"), spreadsheet_cell(-0.5), spreadsheet_cell("-7")
    ("'=1+1", 'happy', -0.5, '-7')
    """
    if not isinstance(value, str):
        return value
    risky = value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return "'" * risky + value.replace("\r", "\\r")  # Python's writer would let a bare one end the row


def markdown(text: str) -> str:
    r"""Escape what Markdown, or the HTML in it, would take for more than text.

    >>> markdown("a|b <b>")
    'a\\|b &lt;b&gt;'
    """
    plain = UNSHOWABLE.sub(" ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", plain)


def taught_by(config: Mapping[str, Any]) -> str:
    """Say who taught a network, if not the labels alone: the end of a sentence, from a training config.

    >>> taught_by({"teachers": ["a", "b"], "distillation": {"share": 0.7}}), taught_by({"teachers": []})
    (', taught by 2 trained networks (70 %) and the labels', '')
    >>> taught_by({"loss": {"votes_share": 0.5}})
    ', with votes of annotators making up 50 % of the loss'
    """
    teachers, distillation = config.get("teachers"), config.get("distillation", {})
    taught = ""
    if teachers or distillation.get("from_init"):
        networks = "the network that it began with"
        if teachers:
            networks = "a trained network" if len(teachers) == 1 else f"{len(teachers)} trained networks"
        share = distillation["share"]
        labels = "instead of the labels" if share == 1 else f"({percentage(share, 0)}) and the labels"
        taught = f", taught by {networks} {labels}"
    votes = config.get("loss", {}).get("votes_share")  # older runs don't have it
    if votes:
        taught += f", with votes of annotators making up {percentage(votes, 0)} of the loss"
    return taught
