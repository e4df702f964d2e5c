"""How long a case will take, roughly: from earlier runs of it on this device, else from its MACs and the rate that
other models reached there, else not at all.

Processes, warm-up and samples are counted; exports, engines and cool-downs are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from typing import TYPE_CHECKING, Any

from latency_bench.harness.case import Case
from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.pairs.burst_plan import LEAST_BLOCKS, USUAL_BLOCKS
from latency_bench.harness.pairs.pair_length import FIRST_S
from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS

if TYPE_CHECKING:
    from latency_bench.harness.campaign.campaign_plan import PlannedPair
    from latency_bench.harness.protocol import Protocol
    from latency_bench.model_specs.spec import ModelSpec

START_S = 3.0
"""Start of a process and loading of a model, for each round: a rough figure."""

_ALTERNATING = 2.0
"""For so many times their start the processes of a pair take turns, roughly: 1.1 to 2.2 in the middle half of 40 pairs
that were measured on shared machines."""

_MS = 1e-3
_Row = dict[str, Any]


class Estimator:
    """Learns from the rows of a store's runs (harness/store/run_table.py)."""

    def __init__(self, rows: Iterable[_Row], macs_of: Callable[[ModelSpec], float | None]) -> None:
        """`macs_of` gives the MACs of one image, where they are known without building the model."""
        self._macs_of = macs_of
        self._macs: dict[tuple[str, int, int], float] = {}
        self._rows: dict[CaseKey, _Row] = {}
        rates: dict[Setting, list[float]] = {}
        for row in rows:
            if row["macs"]:
                self._macs.setdefault((row["model"], row["height"], row["width"]), row["macs"])
            if not row["median_ms"]:
                continue
            # How long something takes is foretold well enough whatever the options were. The latest comes first.
            key = CaseKey.of_row(row).without_options()
            self._rows.setdefault(key, row)
            if row["macs"]:
                rates.setdefault(key.setting, []).append(row["median_ms"] / (row["macs"] * row["batch"]))
        self._ms_per_mac = {setting: median(rate) for setting, rate in rates.items()}

    def seconds(self, case: Case) -> float | None:
        """Of all its rounds; None where nothing is known."""
        earlier = self._rows.get(CaseKey.of_case(case).without_options())
        latency_s = self._latency_s(case)
        if latency_s is None:
            return None
        sampling_s = _part_s(case.protocol.sampling.model_dump(), latency_s)
        if earlier and earlier["protocol"] == case.protocol.name:
            # What the precision that was asked for took the last time.
            sampling_s = max(sampling_s, earlier["samples"] / earlier["rounds"] * latency_s)
        return case.rounds * (START_S + _warmup_s(case.protocol, latency_s) + sampling_s + _throughput_s(case))

    def pair_seconds(self, planned: PlannedPair) -> float | None:
        """Of the trial, and of the ten pairs of processes that it takes at least or those that the time allows."""
        latencies_s = [self._latency_s(side.case) for side in (planned.baseline, planned.candidate)]
        known_s = [latency_s for latency_s in latencies_s if latency_s is not None]
        if len(known_s) < len(latencies_s):
            return None
        start_s = sum(START_S + _warmup_s(planned.terms.protocol, latency_s) for latency_s in known_s)
        trial_s = start_s + max(FIRST_S, LEAST_BLOCKS * sum(known_s))
        pair_s = start_s + max(_ALTERNATING * start_s, USUAL_BLOCKS * sum(known_s))
        return trial_s + min(LEAST_PAIRS * pair_s, 60 * planned.terms.max_minutes)

    def _latency_s(self, case: Case) -> float | None:
        earlier = self._rows.get(CaseKey.of_case(case).without_options())
        return earlier["median_ms"] * _MS if earlier else self._latency_by_macs_s(case)

    def _latency_by_macs_s(self, case: Case) -> float | None:
        rate = self._ms_per_mac.get(Setting.of_case(case).without_options())
        macs = self._macs.get((case.spec.id, *case.spec.resolution)) or self._counted(case)
        return None if rate is None or macs is None else float(rate * macs * case.batch * _MS)

    def _counted(self, case: Case) -> float | None:
        return None if isinstance(case.spec, FileSpec) else self._macs_of(case.spec)


def _warmup_s(protocol: Protocol, latency_s: float) -> float:
    return _part_s(protocol.warmup.model_dump(), latency_s)


def _part_s(part: dict[str, Any], latency_s: float) -> float:
    """From its floors to its cap in time; at least one request."""
    least_s = max(part["min_s"], part["min_count"] * latency_s)
    return float(max(latency_s, min(part["max_s"], least_s)))


def _throughput_s(case: Case) -> float:
    return case.protocol.worker_throughput(case.streams)["min_ns"] / 1e9 if case.streams else 0.0
