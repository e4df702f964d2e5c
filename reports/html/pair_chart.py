"""A pair over time as SVG: each side's latency over its own median, and below it the ratio of neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from latency_bench.harness.store.reader import StoredPair
from latency_bench.reports.plots.pair_ratio import block_latencies

if TYPE_CHECKING:
    import pandas as pd

_WIDTH, _HEIGHT, _LEFT, _GAP = 760, 150, 64, 26
_MOST_POINTS = 300
"""A side: more are no more to see."""
_SERIES = 7
"""Colours that the page has."""


def ratio_chart(pair: StoredPair) -> Markup:
    """Points are medians of neighbouring blocks. Raises BrokenRunError for samples that cannot be read."""
    record = pair.record
    blocks = block_latencies(pair)
    sides = {str(letter): _thinned(group) for letter, group in blocks.groupby("side")}
    last_s = max(float(blocks["time_s"].max()), 1e-9)
    relative = {letter: group["latency_ms"] / group["latency_ms"].median() for letter, group in sides.items()}
    above = _Panel(0, [value for values in relative.values() for value in values], last_s)
    ratios = {letter: group["ratio"] for letter, group in sides.items() if letter != "A"}
    bounds = [end for one in record.ratios for end in (one.low, one.high, one.ratio) if end is not None]
    below = _Panel(_HEIGHT + _GAP, [*bounds, *(value for values in ratios.values() for value in values)], last_s)
    parts = [above.frame("latency over its median"), below.frame("ratio of neighbours")]
    for number, (letter, group) in enumerate(sides.items()):
        parts.append(above.points(group["time_s"], relative[letter], number))
        if letter in ratios:
            parts.append(below.points(group["time_s"], ratios[letter], number))
    parts += [below.level(one.ratio, one.low, one.high, one.side) for one in record.ratios]
    height = 2 * _HEIGHT + _GAP + 30
    axis = Markup('<text x="{}" y="{}" text-anchor="end">seconds, to {:.0f}</text>').format(_WIDTH, height - 8, last_s)
    label = "Latency of each side over its median, and the ratio of neighbours, over time. " + " ".join(
        f"{'ABCDEFG'[one.side % _SERIES]} over A: {one.text}." for one in record.ratios
    )
    return Markup('<svg class="pair" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        _WIDTH, height, label, Markup("").join(parts), axis
    )


class _Panel:
    """One pair of axes, at `top`; what lies beyond the 1st and 99th of a hundred values is left out of its range."""

    def __init__(self, top: float, values: Sequence[float], last_s: float) -> None:
        import numpy as np

        low, high = (float(end) for end in np.quantile(values, (0.01, 0.99)))
        room = max(high - low, 0.01 * abs(high)) * 0.08
        self._top, self._low, self._high, self._last_s = top, low - room, high + room, last_s

    def _x(self, time_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT) * time_s / self._last_s

    def _y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._top + _HEIGHT * (1 - min(1.0, max(0.0, share)))

    def frame(self, title: str) -> Markup:
        parts = [
            Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(
                _LEFT, self._top, _WIDTH - _LEFT, _HEIGHT
            ),
            Markup('<text x="{}" y="{}">{}</text>').format(_LEFT + 6, self._top + 16, title),
        ]
        for value in (self._low, (self._low + self._high) / 2, self._high):
            place = min(self._top + _HEIGHT, self._y(value) + 10)
            parts.append(
                Markup('<text x="{}" y="{:.0f}" text-anchor="end">{:.3f}</text>').format(_LEFT - 6, place, value)
            )
        return Markup("").join(parts)

    def points(self, times_s: Iterable[float], values: Iterable[float], series: int) -> Markup:
        places = zip(times_s, values, strict=True)
        marks = (
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="1.6"/>').format(self._x(time_s), self._y(value))
            for time_s, value in places
        )
        return Markup('<g class="series-{}">{}</g>').format(1 + series % _SERIES, Markup("").join(marks))

    def level(self, value: float, low: float | None, high: float | None, series: int) -> Markup:
        """A line at the ratio, and its interval behind it."""
        name = 1 + series % _SERIES
        band = Markup("")
        if low is not None and high is not None:
            band = Markup('<rect class="band series-{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(
                name, _LEFT, self._y(high), _WIDTH - _LEFT, max(1.0, self._y(low) - self._y(high))
            )
        line = Markup('<line class="series-{}" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
            name, _LEFT, _WIDTH, self._y(value), self._y(value)
        )
        return band + line


def _thinned(blocks: pd.DataFrame) -> pd.DataFrame:
    """Medians of as many neighbouring blocks as leave at most `_MOST_POINTS`."""
    import numpy as np

    size = max(1, -(-len(blocks) // _MOST_POINTS))
    groups = np.arange(len(blocks)) // size
    medians: pd.DataFrame = blocks[["time_s", "latency_ms", "ratio"]].groupby(groups).median()
    return medians
