"""What the ratios of a chosen table are quoted over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from latency_bench.harness.number_text import decimals_by_interval, interval
from latency_bench.reports.chosen_table.case_names import CaseName, Names
from latency_bench.reports.chosen_table.layout import Layout
from latency_bench.reports.errors import TableError
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.tables.quantities import NOTHING, speed_up
from latency_bench.reports.tables.table import Cell

BASELINE = Cell("baseline", 1.0)
_SHOWN = 8


@dataclass(frozen=True)
class Baseline:
    """The place whose name in `place` is `value`, and that agrees in every other name."""

    layout: Layout
    place: int
    """Of the row's names and then the block's."""
    value: str
    paired: PairedRatios
    across: Collection[str] = ()

    def cell(self, row: Names, block: Names) -> Cell:
        """How many times as fast as the baseline it is, with its interval."""
        names = list(row + block)
        if names[self.place] == self.value:
            return BASELINE if self.layout.at(row, block).run is not None else NOTHING
        names[self.place] = self.value
        run = self.layout.at(row, block).run
        baseline = self.layout.at(tuple(names[: len(row)]), tuple(names[len(row) :])).run
        return with_digits_of_the_interval(speed_up(run, baseline, self.across, self.paired))

    @property
    def words(self) -> str:
        """`the model b1-seg`."""
        return f"{self.names[self.place].title} {self.value}"

    @property
    def names(self) -> tuple[CaseName, ...]:
        return (*self.layout.rows_by, *self.layout.blocks_by)


def find_baseline(layout: Layout, asked: str, paired: PairedRatios, across: Collection[str]) -> Baseline:
    """What `--baseline` names: a value of the rows' first name, or NAME=VALUE. Raises TableError for one that no row
    and no block has."""
    names = (*layout.rows_by, *layout.blocks_by)
    name, is_named, value = asked.partition("=")
    places = {one.name: place for place, one in enumerate(names)}
    if not is_named or name not in places:
        name, value = names[0].name, asked
    values = sorted({(row + block)[places[name]] for row, block in layout.found})
    if value not in values:
        shown = ", ".join(values[:_SHOWN]) + (", ..." if len(values) > _SHOWN else "")
        others = [one.name for one in names if one.name != name]
        hint = f"; another name is given as {others[0]}=VALUE" if others else ""
        raise TableError(
            f"--baseline {asked}: there is no row or column with the {name} {value}; there are {shown}{hint}"
        )
    return Baseline(layout, places[name], value, paired, across)


def with_digits_of_the_interval(cell: Cell) -> Cell:
    """A ratio that is written as its interval bears."""
    if cell.value is None:
        return cell
    decimals = decimals_by_interval(cell.value, cell.low, cell.high)
    return replace(cell, text=f"{cell.value:.{decimals}f}× {interval(cell.low, cell.high, decimals)}".rstrip())
