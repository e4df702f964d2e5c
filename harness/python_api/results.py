"""A run and a pair as scripts and notebooks have them: the numbers by name, everything else in the record."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.number_text import decimals_for

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.accuracy_record import AccuracyRecord
    from latency_bench.harness.store.pair_record import PairedEstimate, PairRecord
    from latency_bench.harness.store.record import RunRecord


@dataclass(frozen=True)
class Run:
    """A stored run."""

    record: RunRecord
    """Everything that is known of it; docs/store.md describes the fields."""
    path: Path
    """Its folder in the store, absolute: scripts change the current folder."""

    @property
    def id(self) -> str:
        """Names it in every command, too."""
        return self.record.run_id

    @property
    def model(self) -> str:
        """The model's id."""
        return self.record.model.id

    @property
    def status(self) -> str:
        """`done`; `unstable`, where it never settled; `failed`, where there is no number."""
        return self.record.status

    @property
    def latency_ms(self) -> float | None:
        """The median of a request, transfer included; None for a failed run."""
        return self.record.summary.latency.median_ms if self.record.summary else None

    @property
    def interval_ms(self) -> tuple[float, float] | None:
        """The 95 % interval of the median, from its rounds; None for a single round, and for a failed run."""
        if self.record.summary is None:
            return None
        latency = self.record.summary.latency
        if latency.rounds < 2 or latency.low_ms is None or latency.high_ms is None:
            return None
        return latency.low_ms, latency.high_ms

    @property
    def flags(self) -> tuple[str, ...]:
        """What was noticed about its numbers, such as `unstable`, `throttled` or `foreign_load`."""
        return tuple(flag.name for flag in self.record.flags)

    @property
    def samples(self) -> pd.DataFrame:
        """Every request in order: `round`, `warmup`, and in nanoseconds `start_ns` (of its round's clock),
        `latency_ns`, `h2d_ns`, `compute_ns`, `d2h_ns` (null where not measured), and of a pipeline `decode_ns`,
        `preprocess_ns`, `postprocess_ns`. Raises BrokenRunError."""
        import pandas as pd

        from latency_bench.harness.store.reader import StoredRun
        from latency_bench.harness.store.sample_table import PHASE_COLUMNS, PIPELINE_COLUMNS

        blocks = StoredRun(self.path, self.record).samples()
        is_pipeline = any(getattr(block, PIPELINE_COLUMNS[0]) is not None for block in blocks)
        around = PIPELINE_COLUMNS if is_pipeline else ()
        columns = ("round", "warmup", "start_ns", "latency_ns", *PHASE_COLUMNS, *around)
        frames = [pd.DataFrame({name: getattr(block, name) for name in columns}) for block in blocks]
        table: pd.DataFrame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))
        return table

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self._where}, {self._latency}>"

    def _repr_html_(self) -> str:
        flags = f"<br><small>{html.escape(', '.join(self.flags))}</small>" if self.flags else ""
        name = f"<small>run {html.escape(self.id)}</small>"
        return f"<b>{html.escape(self._latency)}</b> {html.escape(self._where)} {name}{flags}"

    @property
    def _where(self) -> str:
        return f"{self.model} on {self.record.device.name}"

    @property
    def _latency(self) -> str:
        """`12.4 ms [12.1, 12.6]`, or why there is none."""
        if self.latency_ms is None:
            return _why_none(self.record)
        decimals = decimals_for(self.latency_ms)
        ends = self.interval_ms
        interval = f" [{ends[0]:.{decimals}f}, {ends[1]:.{decimals}f}]" if ends else ""
        return f"{self.latency_ms:.{decimals}f} ms{interval}"


@dataclass(frozen=True)
class Pair:
    """A stored pair: how much slower its second side is than its first, and every further side too."""

    record: PairRecord
    path: Path

    @property
    def id(self) -> str:
        """Names it in every command, too."""
        return self.record.run_id

    @property
    def ratio(self) -> float | None:
        """Latency of the second side over the first's; None where measuring failed."""
        return self._first.ratio if self._first else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ratio's 95 % interval."""
        if self._first is None or self._first.low is None or self._first.high is None:
            return None
        return self._first.low, self._first.high

    @property
    def verdict(self) -> str | None:
        """`faster`, `slower`, `no difference shown` or the like, of the second side."""
        return self._first.verdict if self._first else None

    @property
    def latencies_ms(self) -> tuple[float | None, ...]:
        """The median of every side, the first one first."""
        return tuple(side.summary.latency.median_ms if side.summary else None for side in self.record.sides)

    @property
    def _first(self) -> PairedEstimate | None:
        return self.record.ratios[0] if self.record.ratios else None

    def __repr__(self) -> str:
        return f"<Pair {self.id}: {self._models}, {self._ratio}>"

    def _repr_html_(self) -> str:
        name = f"<small>pair {html.escape(self.id)}</small>"
        return f"<b>{html.escape(self._ratio)}</b> {html.escape(self._models)} {name}"

    @property
    def _models(self) -> str:
        return " over ".join(side.model.id for side in reversed(self.record.sides[:2]))

    @property
    def _ratio(self) -> str:
        """`1.243 [1.239, 1.248], slower`, or why there is none."""
        if self.ratio is None:
            return _why_none(self.record)
        interval = f" [{self.interval[0]:.4g}, {self.interval[1]:.4g}]" if self.interval else ""
        return f"{self.ratio:.4g}{interval}, {self.verdict}"


@dataclass(frozen=True)
class Accuracy:
    """A stored accuracy: what `bench accuracy` found."""

    record: AccuracyRecord
    path: Path

    @property
    def id(self) -> str:
        """Names it in every command, too."""
        return self.record.run_id

    @property
    def metrics(self) -> dict[str, float]:
        """Per cent by metric; `record.metrics` has the intervals."""
        return {name: metric.value for name, metric in self.record.metrics.items()}


def _why_none(record: RunRecord | PairRecord) -> str:
    """What stands in the place of a number, on one line."""
    return f"failed: {record.failure.message.splitlines()[0]}" if record.failure else "failed"
