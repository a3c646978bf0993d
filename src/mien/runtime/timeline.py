"""Expression over the time of a video, in one figure.  Axes: `B` bins of time, `C` classes."""

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import MissingExtraError, UsageError, pip_install
from mien.core.files import write_atomic
from mien.runtime.annotate import ascii_names, colours
from mien.runtime.results import PictureResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 1024
"""The most bins, twice as many as the figure needs: when a video outgrows them, each two neighbours become one."""

FIRST_BIN_S = 0.125
"""The bins' width until they are merged, in seconds."""

TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MOST_TICKS = 12

LEGEND_LETTERS = 24
"""Longer class names continue on the next line."""


class Timeline:
    """Adds up the faces of a video, in bins of time, in the same memory for a second and for two hours.

    Bins are 1/8 s wide, and twice as wide each time that a video outgrows 1,024 of them: 8 s for two hours.

    Args:
        labels: the C class names, in the model's order.

    >>> from mien.runtime.results import Face
    >>> over_time = Timeline(("happy", "sad"))
    >>> for time_s, p in ((0.0, 1.0), (0.1, 0.5), (2.0, 0.25)):
    ...     face = Face("a.mp4", "1", {"happy": p, "sad": 1 - p}, None, np.zeros((48, 48), np.uint8), time_s=time_s)
    ...     over_time.add(PictureResult("a.mp4", (face,), time_s=time_s))
    >>> over_time.edges_s().tolist(), over_time.means()[:, 0].tolist(), over_time.faces().tolist()
    ([0.0, 2.0, 2.125], [0.75, 0.25], [1.0, 1.0])
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.bin_s = FIRST_BIN_S
        """The bins' width in seconds."""
        self._sums = np.zeros((BINS, len(self.labels) + 2))  # of probabilities, of faces, of frames

    def add(self, frame: PictureResult) -> None:
        """Take in a frame, in any order.

        Raises:
            UsageError: a picture that has no time.
        """
        time_s = frame.time_s
        if time_s is None:
            raise UsageError(f"{frame.source}: a picture without a time, expected a frame of a video")
        while time_s >= BINS * self.bin_s:  # each two neighbours become one bin, and the upper half is empty
            merged = self._sums[::2] + self._sums[1::2]
            self._sums = np.concatenate([merged, np.zeros_like(merged)])
            self.bin_s *= 2
        row = self._sums[int(max(time_s, 0) / self.bin_s)]
        row[-1] += 1
        for face in frame.faces:
            row[:-2] += [face.probabilities[label] for label in self.labels]
            row[-2] += 1

    def edges_s(self) -> NDArray[np.float64]:
        """Return where bins begin and the last one ends, in seconds, `float64 (B + 1,)`.

        A bin without a frame belongs to the one before: a frame stands until the next.
        """
        used = np.flatnonzero(self._sums[:, -1])
        return np.asarray(np.append(used, used[-1:] + 1) * self.bin_s, np.float64)

    def means(self) -> NDArray[np.float64]:
        """Return the mean probabilities over all faces of each bin's frames, `float64 (B, C)`; NaN without a face."""
        used = self._used()
        return used[:, :-2] / np.where(used[:, -2:-1] > 0, used[:, -2:-1], np.nan)

    def faces(self) -> NDArray[np.float64]:
        """Return the mean number of faces in a frame of each bin, `float64 (B,)`."""
        used = self._used()
        return used[:, -2] / used[:, -1]

    def _used(self) -> NDArray[np.float64]:
        return self._sums[self._sums[:, -1] > 0]


def draw_timeline(over_time: Timeline, path: Path) -> None:
    """Draw expression over time as a PNG: the classes' mean probabilities as stacked areas, below it how many faces.

    Where no face was found, the upper panel is empty.  Classes have the colours of annotated pictures.

    Args:
        over_time: the whole video's faces.
        path: where to write; replaced as a whole.

    Raises:
        UsageError: no frame was added.
        MissingExtraError: Matplotlib is not installed.
        StorageError: the file can't be written.
    """
    edges = over_time.edges_s()
    if not edges.size:
        raise UsageError(f"{path}: there is no frame to draw")
    require_matplotlib()
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context("default"):
        figure = Figure(figsize=(10, 4.4), dpi=150, layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
        _stack(upper, over_time)
        lower.stairs(over_time.faces(), edges, fill=True, color="#555")
        lower.set(ylabel="faces", ylim=(0, max(1.0, over_time.faces().max()) * 1.1))
        lower.set_xlabel(f"time, min:s (means over {over_time.bin_s:g} s)")
        _time_axis(lower, edges)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    write_atomic(path, buffer.getvalue())


def require_matplotlib() -> None:
    """Raise `MissingExtraError` unless Matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtraError(f"the chart needs Matplotlib: {pip_install('video')}") from None


def _stack(axes: "Axes", over_time: Timeline) -> None:
    from matplotlib.patches import Patch

    means, edges = over_time.means(), over_time.edges_s()
    tops = np.cumsum(means, axis=1)
    shades, names = colours(over_time.labels), ascii_names(over_time.labels)
    patches = [Patch(facecolor="white", edgecolor="black", linewidth=0.5)]
    for i, label in enumerate(over_time.labels):
        colour = "#{:02x}{:02x}{:02x}".format(*shades[label])
        axes.stairs(tops[:, i], edges, baseline=tops[:, i] - means[:, i], fill=True, color=colour, linewidth=0)
        patches.append(Patch(facecolor=colour, edgecolor="black", linewidth=0.5))
    entries = [textwrap.fill(names[label], LEGEND_LETTERS) for label in over_time.labels[::-1]]
    entries.append("no face")
    legend = axes.legend(patches[::-1], ["-"] * len(entries), loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    for text, name in zip(legend.get_texts(), entries, strict=True):
        text.set_parse_math(False)  # a class may be called $x$, or _x, which a legend would leave out
        text.set_text(name)
    axes.set(ylabel="mean probability", ylim=(0, 1))


def _time_axis(axes: "Axes", edges_s: NDArray[np.float64]) -> None:
    start, end = float(edges_s[0]), float(edges_s[-1])
    step = next((tick for tick in TICKS_S if (end - start) / tick <= MOST_TICKS), TICKS_S[-1])
    axes.set_xlim(start, end)
    ticks = np.arange(np.ceil(start / step) * step, end, step)
    axes.set_xticks(ticks, [f"{tick // 60:.0f}:{tick % 60:02.0f}" for tick in ticks])
