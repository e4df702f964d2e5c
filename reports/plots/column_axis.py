"""A column of the run table as an axis: unit, direction, intervals, and a logarithm where values need one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns, find_columns
from latency_bench.reports.plots.style import FigureError, log_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from latency_bench.reports.evidence import Run

_BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "bytes"))
_THOUSANDS = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"), (1.0, ""))
_LOGARITHM_FROM = 10.0
"""Largest over smallest value."""


@dataclass(frozen=True)
class ColumnAxis:
    """Values of a column in the unit that the axis has."""

    column: Column
    low: float
    high: float
    """Smallest and largest value, in the column's unit."""
    scale: float
    """What one of the axis's units is in the column's."""
    unit: str
    logarithmic: bool

    def of(self, row: Run) -> float:
        return float(row[self.column.name]) / self.scale

    def ends(self, row: Run) -> tuple[float, float]:
        """Of the interval; the value itself where there is none."""
        low, high = (row[end] for end in self.column.ends) if self.column.ends else (None, None)
        if low is None or high is None:
            return self.of(row), self.of(row)
        return low / self.scale, high / self.scale

    def bar(self, row: Run) -> list[list[float]]:
        """As matplotlib's errorbar wants it: below the value, above it."""
        low, high = self.ends(row)
        return [[self.of(row) - low], [high - self.of(row)]]

    def label(self, axes: Axes, which: Literal["x", "y"]) -> None:
        title = self.column.title or self.column.name.replace("_", " ")
        words = f"{title}, {self.unit}" if self.unit else title
        if self.column.better:
            # Upwards there is less room.
            words += (" " if which == "x" else "\n") + f"({self.column.better} is better)"
        (axes.set_xlabel if which == "x" else axes.set_ylabel)(words)

    def limit(self, axes: Axes, which: Literal["x", "y"]) -> None:
        """From the smallest to the largest value, with room for names on all sides: all panels have the same axes."""
        low, high = self.low / self.scale, self.high / self.scale
        if self.logarithmic:
            room = max(1.25, (high / low) ** 0.16)
            (axes.set_xlim if which == "x" else axes.set_ylim)(low / room, high * room)
            log_axis(axes, which)
        else:
            margin = 0.2 * (high - low) or abs(high) * 0.2 or 1.0
            (axes.set_xlim if which == "x" else axes.set_ylim)(low - margin, high + margin)


def number_column(name: str) -> Column:
    """The column that an axis is to show. Raises ColumnError, or FigureError for one that is no number."""
    found = find_columns(name)
    if len(found) == 1 and found[0].is_number:
        return found[0]
    known = ", ".join(column.short or column.name for column in columns().values() if column.is_number)
    raise FigureError(f"{name!r} is not a number, and an axis needs one; the numbers of a run are {known}")


def axis_of(column: Column, values: Iterable[Any]) -> ColumnAxis:
    """The axis for all of these values, none of them None."""
    numbers = [float(value) for value in values]
    low, high = min(numbers), max(numbers)
    logarithmic = low > 0 and high / low > _LOGARITHM_FROM
    scale, unit = 1.0, column.unit
    if column.unit == "bytes" or column.in_thousands:
        steps = _BYTES if column.unit == "bytes" else _THOUSANDS
        middle = math.sqrt(low * high) if logarithmic else abs(high)
        scale, unit = next((step for step in steps if middle >= step[0]), steps[-1])
    return ColumnAxis(column, low, high, scale, unit, logarithmic)
