"""Names beside points, none over another, over a point, or out of the picture.

label_places.py says where. A name that finds no place has a number at its point instead, and stands below the panel;
only where there is no room for a number either is it left out and counted, below the panel too. Deterministic: the same
points give the same picture.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from latency_bench.reports.plots.geometry import Box, Point, Segment
from latency_bench.reports.plots.label_places import MARKER_PT, PADDING_PT, Panel, Place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

_PASSES = 6
"""Names below a panel make it lower, so that others may lose their places."""
_LINE_SPACING = 1.3
"""Height of a line of the key over the size of its letters, a little more than matplotlib's own."""


@dataclass(frozen=True)
class Label:
    """A name at a point, in data coordinates."""

    x: float
    y: float
    text: str
    colour: str = "black"


def place_labels(
    figure: Figure,
    labels: Mapping[Axes, Sequence[Label]],
    avoid: Mapping[Axes, Sequence[Segment]] | None = None,
    spare: Mapping[Axes, Sequence[Segment]] | None = None,
    size: float = 6.5,
) -> dict[Axes, list[Label]]:
    """Write the labels of every panel; `avoid` are segments (data coordinates: error bars, roofs) to keep off, `spare`
    such as may be crossed if there is no other place.

    Call it last: the layout is fixed by it. Returns the labels that found no place, not even by a number; how many
    they are is written below the panel.
    """
    panels = {
        axes: _Names(axes, list(of_axes), (avoid or {}).get(axes, ()), (spare or {}).get(axes, ()), size)
        for axes, of_axes in labels.items()
    }
    height_in = figure.get_figheight()
    with warnings.catch_warnings():
        # Letters without a font are told of once, when the figure is saved.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        layout = figure.get_layout_engine()
        for last in (number == _PASSES - 1 for number in range(_PASSES)):
            if layout is not None:
                layout.execute(figure)
            placed = {axes: names.write(figure) for axes, names in panels.items()}
            # Every panel is asked, whatever the others say.
            numbered = [names.number_those_without(placed[axes]) for axes, names in panels.items()]
            if last or not any(numbered):
                break
            if layout is not None:
                figure.set_figheight(height_in + _keys_height_in(panels))
        left_out = [names.leave_out(placed[axes]) for axes, names in panels.items()]
        if any(left_out):
            if layout is not None:
                figure.set_figheight(height_in + _keys_height_in(panels))
                layout.execute(figure)
            placed = {axes: names.write(figure) for axes, names in panels.items()}
        if layout is not None:
            figure.set_layout_engine("none")
        return {axes: names.finish(placed[axes]) for axes, names in panels.items()}


def _keys_height_in(panels: Mapping[Axes, _Names]) -> float:
    """What the keys below all panels need; of panels beside each other the highest one counts."""
    of_row: dict[int, float] = {}
    for axes, names in panels.items():
        place = axes.get_subplotspec()
        row = 0 if place is None else place.rowspan.start
        of_row[row] = max(of_row.get(row, 0.0), names.key_height_in)
    return sum(of_row.values())


class _Names:
    """The names of one panel: each beside its point, or as a number there and below the panel."""

    def __init__(
        self, axes: Axes, labels: list[Label], avoid: Iterable[Segment], spare: Iterable[Segment], size: float
    ) -> None:
        self._axes, self._labels, self._size = axes, labels, size
        self._avoid, self._spare = list(avoid), list(spare)
        self._numbered: list[int] = []
        self._points: list[Point] = []
        self._texts: list[Annotation] = []
        self._key: Annotation | None = None
        self._left_out: list[Label] = []

    def write(self, figure: Figure) -> list[Place | None]:
        """A place for each label as the layout is now; their texts are made, and not yet moved."""
        for text in self._texts:
            text.remove()
        self._texts = [_write(self._axes, self._shown(index), self._size) for index in range(len(self._labels))]
        # A point whose name was given up is still there to be kept off.
        points = [_in_points(figure, self._axes, (one.x, one.y)) for one in (*self._labels, *self._left_out)]
        markers = [Box(x - MARKER_PT, y - MARKER_PT, x + MARKER_PT, y + MARKER_PT) for x, y in points]
        hard, soft = (_segments(figure, self._axes, of) for of in (self._avoid, self._spare))
        panel = Panel(_box(self._axes.bbox, figure), points, markers, hard, soft)
        self._points = points[: len(self._labels)]
        return panel.place([_extent(text, figure) for text in self._texts])

    def number_those_without(self, places: Sequence[Place | None]) -> bool:
        """Give a number to each name without a place; whether any was given."""
        without = [index for index, place in enumerate(places) if place is None and index not in self._numbered]
        self._numbered += without
        if without:
            self._write_key()
        return bool(without)

    def leave_out(self, places: Sequence[Place | None]) -> bool:
        """Give up those that not even a number has a place for, so that the key has no numbers that nobody finds;
        whether there were any."""
        kept = [index for index, place in enumerate(places) if place is not None]
        self._left_out = [self._labels[index] for index, place in enumerate(places) if place is None]
        if self._left_out:
            self._labels = [self._labels[index] for index in kept]
            self._numbered = [kept.index(index) for index in self._numbered if index in kept]
            self._write_key()
        return bool(self._left_out)

    def finish(self, places: Sequence[Place | None]) -> list[Label]:
        """Move every text to its place; returns the labels without any."""
        without = []
        for label, text, point, place in zip(self._labels, self._texts, self._points, places, strict=True):
            if place is None:
                text.remove()
                without.append(label)
            else:
                _move(text, place, point)
        if without:
            self._left_out += without
            self._write_key()
        return self._left_out

    @property
    def key_height_in(self) -> float:
        """Of the key below the panel; 0 where all names have a place."""
        lines = 0 if self._key is None else self._key.get_text().count("\n") + 1
        return lines * _LINE_SPACING * self._size / 72

    def _shown(self, index: int) -> Label:
        """The label, or its number."""
        label = self._labels[index]
        return replace(label, text=str(self._numbered.index(index) + 1)) if index in self._numbered else label

    def _write_key(self) -> None:
        """What the numbers stand for, and how many names are left out, below the panel."""
        if self._key is not None:
            self._key.remove()
            self._key = None
        if not self._numbered and not self._left_out:
            return
        width_pt = self._axes.bbox.width * 72 / self._axes.figure.dpi
        names = [f"{number}\N{NO-BREAK SPACE}{self._labels[index].text.replace(' ', _NO_BREAK)}"
                 for number, index in enumerate(self._numbered, 1)]  # fmt: skip
        lines = textwrap.wrap(", ".join(names), max(12, int(width_pt / (0.56 * self._size))),
                              break_long_words=False, break_on_hyphens=False)  # fmt: skip
        if count := len(self._left_out):
            lines.append(f"{count} more name{'' if count == 1 else 's'} in the data")
        self._key = self._axes.annotate(
            "\n".join(lines),
            (0.5, 0),
            xycoords=self._axes.xaxis.label,
            xytext=(0, -3),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=self._size,
            annotation_clip=False,
        )


_NO_BREAK = "\N{NO-BREAK SPACE}"


def _write(axes: Axes, label: Label, size: float) -> Annotation:
    text = axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=size,
        color=label.colour,
        annotation_clip=False,
    )
    text.set_in_layout(False)
    return text


def _move(text: Annotation, place: Place, point: Point) -> None:
    box = place.box
    text.set_position(((box.left + box.right) / 2 - point[0], (box.bottom + box.top) / 2 - point[1]))
    if place.leader is not None:
        end = place.leader[1]
        line = text.axes.annotate(  # type: ignore[union-attr]
            "",
            text.xy,
            xytext=(end[0] - point[0], end[1] - point[1]),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "0.5", "shrinkA": 0, "shrinkB": 2.5},
            annotation_clip=False,
        )
        line.set_in_layout(False)


def _segments(figure: Figure, axes: Axes, segments: Iterable[Segment]) -> list[Segment]:
    return [(_in_points(figure, axes, start), _in_points(figure, axes, end)) for start, end in segments]


def _extent(text: Annotation, figure: Figure) -> tuple[float, float]:
    box = _box(text.get_window_extent(), figure)
    return box.right - box.left + 2 * PADDING_PT, box.top - box.bottom + 2 * PADDING_PT


def _in_points(figure: Figure, axes: Axes, place: Point) -> Point:
    x, y = axes.transData.transform(place)
    return float(x) * 72 / figure.dpi, float(y) * 72 / figure.dpi


def _box(box: Bbox, figure: Figure) -> Box:
    left, bottom, right, top = (float(value) * 72 / figure.dpi for value in (box.x0, box.y0, box.x1, box.y1))
    return Box(left, bottom, right, top)
