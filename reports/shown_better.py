"""Which of two runs is shown to be better in a column: what bold numbers, ranks and Pareto fronts claim."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from latency_bench.harness.store.columns.column import Column
from latency_bench.reports.evidence import Run
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.tables.quantities import speed_up, throughput_gain
from latency_bench.reports.tables.table import Cell


@dataclass
class ShownBetter:
    """Every comparison is made once, and each is at 95 %, as the ratios of all reports are."""

    paired: PairedRatios = field(default_factory=PairedRatios)
    across: Collection[str] = ()
    """Dimensions of conditions in which the two may differ."""
    _known: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def __call__(self, run: Run, other: Run, column: Column) -> bool:
        """Whether `run` is shown to be better than `other`: what is counted by its value; a latency and a measured
        throughput where the whole interval of their ratio is on one side of 1. Other measurements have no interval,
        and nothing is shown of them; nor of a run that never settled, or is inconclusive though it was repeated."""
        key = (column.name, run["path"], other["path"])
        if key not in self._known:
            self._known[key] = self._shown(run, other, column)
        return self._known[key]

    def _shown(self, run: Run, other: Run, column: Column) -> bool:
        if column.exact:
            mine, theirs = run[column.name], other[column.name]
            return bool(mine > theirs if column.better == "higher" else mine < theirs)
        gain = self._gains().get(column.name)
        if gain is None or any(one["status"] == "unstable" or one["conclusive"] == "no" for one in (run, other)):
            return False
        cell = gain(run, other)
        return cell.low is not None and cell.low > 1

    def _gains(self) -> dict[str, Callable[[Run, Run], Cell]]:
        """By column, how many times as good a run is as another, with its interval."""
        return {
            "median_ms": lambda run, other: speed_up(run, other, self.across, self.paired),
            "throughput_img_s": lambda run, other: throughput_gain(run, other, self.across),
        }
