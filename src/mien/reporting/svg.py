"""From a Matplotlib figure to SVG that belongs to the page: colours of its theme, text in its font."""

import io
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.figure import Figure

COLOURS: Mapping[str, tuple[str, str]] = {
    "ink": ("#010101", "#777"),
    "muted": ("#020202", "#888"),
    "line": ("#030303", "#9998"),
    "accent": ("#040404", "#4a7fd0"),
    "second": ("#050505", "#d0792a"),
    "surface": ("#060606", "none"),
}
"""Name of a CSS variable to what Matplotlib is told, and the colour to show where no page sets the variable."""

STYLE: list[str | dict[str, Any]] = [
    "default",
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "mien",
        "text.parse_math": False,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": COLOURS["line"][0],
        "axes.labelcolor": COLOURS["muted"][0],
        "text.color": COLOURS["ink"][0],
        "xtick.color": COLOURS["line"][0],
        "ytick.color": COLOURS["line"][0],
        "xtick.labelcolor": COLOURS["muted"][0],
        "ytick.labelcolor": COLOURS["muted"][0],
        "grid.color": COLOURS["line"][0],
        "grid.linewidth": 0.6,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
    },
]
"""The rules that every chart is drawn by, whatever the user's matplotlibrc says."""


def drawn(figure: Figure, *, name: str, alt: str) -> Markup:
    """Draw a figure made inside `style.context(STYLE)` as an inline `<svg>`.

    Args:
        figure: the figure; its colours are first entries of `COLOURS`.
        name: makes the ids inside unique on the page.
        alt: what a person who does not see it needs to know.

    >>> from matplotlib import style
    >>> with style.context(STYLE):
    ...     text = drawn(Figure(figsize=(1, 1)), name="empty", alt="Nothing")
    >>> text.startswith('<svg viewBox="0 0 72 72" role="img" aria-label="Nothing"')
    True
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    picture = ElementTree.fromstring(text.getvalue())  # noqa: S314 - Matplotlib's own output
    _tidy(picture, name)
    box = picture.get("viewBox", "")
    picture.attrib.clear()
    picture.attrib.update({"viewBox": box, "role": "img", "aria-label": alt, "class": "chart"})
    return Markup(_themed(ElementTree.tostring(picture, encoding="unicode")))  # noqa: S704 - serialised, so escaped


def _tidy(picture: ElementTree.Element, name: str) -> None:
    """Drop namespaces, inner style sheets and unused ids; put `name` before the others."""
    for element in picture.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key.rpartition("}")[2]: text for key, text in element.attrib.items()}
    used = set(
        re.findall(
            r"#([\w.-]+)",
            " ".join(
                text for each in picture.iter() for key, text in each.attrib.items() if key in {"href", "clip-path"}
            ),
        )
    )
    for element in picture.iter():
        for child in [child for child in element if child.tag in {"style", "metadata"}]:
            element.remove(child)
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for key in element.attrib.keys() & {"id", "href", "clip-path"}:
            element.set(key, re.sub(r"^(url\(#|#|)", rf"\1{name}-", element.attrib[key]))
        if "style" in element.attrib:
            element.set("style", re.sub(r"font-family:[^;]*;? ?", "", element.attrib["style"]))
        element.text = (element.text or "").strip() or None
        element.tail = None
        if "d" in element.attrib:
            element.set("d", " ".join(element.attrib["d"].split()))


def _themed(text: str) -> str:
    for name, (told, fallback) in COLOURS.items():
        text = text.replace(told, f"var(--{name}, {fallback})")
    return text
