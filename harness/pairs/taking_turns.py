"""Live processes, one a side, that take turns on the device by bursts of requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.runners.alternation import AlternatingSide, Alternation, Turns
from latency_bench.devices.runners.base import Columns, RoundJob, RoundResult
from latency_bench.harness.case import with_checks
from latency_bench.harness.export import Artifact
from latency_bench.harness.neighbours import others_on
from latency_bench.harness.pairs.blocks import SideRequests, log_ratios, side_requests
from latency_bench.harness.pairs.burst_plan import LEAST_BLOCKS, USUAL_BLOCKS, BurstPlan, plan_bursts
from latency_bench.harness.pairs.pair_data import PairMeasured, ProcessPair, SideBias
from latency_bench.harness.preparing import Prepared, judge_outputs
from latency_bench.harness.rounds import Observer
from latency_bench.harness.run_data import Measured, Round
from latency_bench.harness.store.pair_samples import PairSamples
from latency_bench.harness.telemetry_sampler import TelemetrySampler

_TRIAL_BLOCKS = 12
_TRIAL_MOST_S = 20.0
_LONGEST_S = 3600.0
"""Of one pair, whatever was asked for."""
_MOST_REQUESTS = 5_000_000
_SEEDS = 1 << 32


class TakingTurns:
    """The trial that decides how turns are taken, and then pair after pair."""

    def __init__(
        self, measured: PairMeasured, session: DeviceSession, prepared: Sequence[Prepared], outputs: Path
    ) -> None:
        self._measured = measured
        self._session = session
        self._prepared = prepared
        self._outputs = outputs
        self._plan: BurstPlan

    @property
    def shortest_s(self) -> float:
        """What a pair alternates at least. Only after the trial."""
        return max(1.0, LEAST_BLOCKS * self._plan.block_s)

    @property
    def usual_s(self) -> float:
        """What it alternates to have a standard error of its own. Only after the trial."""
        return max(1.0, USUAL_BLOCKS * self._plan.block_s)

    def try_out(self, observer: Observer) -> None:
        """One set of processes that counts for nothing: are the outputs right, and how are turns best taken?

        Raises FidelityError, SideError, DeviceError.
        """
        observer.stage("trial: all sides loaded, turns taken, outputs compared")
        turns = Turns(
            requests=None,
            seed=self._seed(-1),
            start_order=tuple(range(len(self._prepared))),
            load_together=self._load_together,
            settling_blocks=2,
            min_blocks=_TRIAL_BLOCKS,
            min_s=0.0,
            max_s=_TRIAL_MOST_S,
        )
        jobs = [
            with_checks(self._job(number), side.case, _artifact(side))
            for number, side in enumerate(self._measured.sides)
        ]
        trial = self._alternate(turns, jobs, observer)
        for number, (side, prepared) in enumerate(zip(self._measured.sides, self._prepared, strict=True)):
            self._measured.failed_side = number
            judge_outputs(
                side, trial.sides[number], jobs[number], self._session, prepared.deployment, self._outputs,
                observer.stage,
            )  # fmt: skip
        self._measured.failed_side = None
        requests = [side_requests(trial, number) for number in range(len(trial.sides))]
        bursts = trial.side.size / len(trial.sides)
        self._measured.plan = self._plan = plan_bursts(
            requests,
            [alone_ns(side) for side in trial.sides],
            change_s=_change_s(trial, requests),
            idle_s_per_change=[used_s / bursts for used_s in trial.idle_processor_s],
            threads=max(side.case.threads for side in self._measured.sides),
        )

    def pair(self, index: int, seconds: float, observer: Observer) -> ProcessPair:
        """Fresh processes that alternate for so long. Raises SideError, DeviceError."""
        plan, count = self._plan, len(self._prepared)
        blocks = plan.blocks_in(seconds)
        turns = Turns(
            requests=tuple(side.requests for side in plan.sides),
            seed=self._seed(index),
            # In turn: whoever loads first finds memory and caches as they are.
            start_order=tuple((index + place) % count for place in range(count)),
            load_together=self._load_together,
            settling_blocks=plan.settling_blocks,
            min_blocks=blocks,
            # So few are counted, and not timed: a machine that became quicker would take two blocks more each time.
            min_s=seconds if blocks == USUAL_BLOCKS else 0.0,
            max_s=min(_LONGEST_S, 4 * seconds + USUAL_BLOCKS * plan.block_s),
            pause_s=plan.pause_s,
        )
        began_s, started_at = time.monotonic(), datetime.now(timezone.utc)
        others = others_on(self._measured.request.cases[0].device)
        self._session.check_lock()
        with TelemetrySampler(self._session) as telemetry:
            try:
                found = self._alternate(turns, [self._job(number) for number in range(count)], observer)
            finally:
                self._measured.readings.extend(telemetry.readings)
        others = tuple(sorted({*others, *others_on(self._measured.request.cases[0].device)}))
        requests = [side_requests(found, number) for number in range(count)]
        discarded = [side.discarded for side in plan.sides]
        self._keep(index, started_at, found, requests, telemetry, others)
        return ProcessPair(
            index=index,
            started_at=started_at,
            order_seed=turns.seed,
            start_order=turns.start_order,
            wall_s=time.monotonic() - began_s,
            alternated_s=found.elapsed_s,
            blocks=found.blocks,
            ratios=tuple(log_ratios(requests, discarded)),
            bias=tuple(map(_bias, found.sides, requests, discarded)),
            idle_processor_s=found.idle_processor_s,
        )

    def _alternate(self, turns: Turns, jobs: Sequence[RoundJob], observer: Observer) -> Alternation:
        sides = [AlternatingSide(prepared.deployment, job) for prepared, job in zip(self._prepared, jobs, strict=True)]
        for side in self._measured.sides:
            side.stage = "measure"
        case, index = self._measured.sides[0].case, len(self._measured.pairs)
        return self._session.alternate(
            sides, turns, self._outputs, lambda progress: observer.progress(case, index, progress)
        )

    @property
    def _load_together(self) -> bool:
        """Except on GPUs: some of their runtimes choose kernels by timing them while they load."""
        return not any(side.case.declared.ON_GPU for side in self._measured.sides)

    def _job(self, number: int) -> RoundJob:
        side, prepared = self._measured.sides[number], self._prepared[number]
        job = side.case.round_request(_artifact(side), prepared.cpus, len(self._measured.pairs))
        sampling = {**job.sampling, "min_count": 1, "max_count": _MOST_REQUESTS, "min_ns": 0, "relative_interval": None}
        return replace(job, sampling=sampling)

    def _seed(self, index: int) -> int:
        """Another order for every pair, and the same again for the same seed."""
        return int(np.random.SeedSequence([self._measured.request.seed % _SEEDS, index + 1]).generate_state(1)[0])

    def _keep(
        self,
        index: int,
        started_at: datetime,
        found: Alternation,
        requests: Sequence[SideRequests],
        telemetry: TelemetrySampler,
        others: tuple[str, ...],
    ) -> None:
        """Each side's part as a round of its own, and every request in its place."""
        origins_ns = [int(side.hello["clock"]["origin_ns"]) for side in found.sides]
        for number, (result, one) in enumerate(zip(found.sides, requests, strict=True)):
            kept = one.kept(self._plan.sides[number].discarded)
            loaded = result.loaded
            if self._load_together:
                # How long a side takes to load beside others says nothing of it.
                loaded = {name: value for name, value in loaded.items() if name not in ("import_ns", "load_ns")}
            counted = replace(result, samples=_rows(result.samples, kept), loaded=loaded)
            self._measured.sides[number].rounds.append(
                Round(
                    index,
                    found_place(found, number),
                    started_at,
                    counted,
                    readings=telemetry.readings,
                    watched_unix_ns=telemetry.watched_unix_ns,
                    telemetry_error=telemetry.error,
                    others=others,
                )
            )
            shift_ns = origins_ns[number] - min(origins_ns)
            nothing = np.zeros(result.warmup.latency_ns.size, dtype=np.int64)
            for warmup, columns, block, counts in (
                (True, result.warmup, nothing - 1, nothing.astype(np.bool_)),
                (False, result.samples, one.block, kept),
            ):
                self._measured.samples.append(
                    pair_samples(number, index, index, warmup, columns, shift_ns, block, counts)
                )


def _artifact(side: Measured) -> Artifact:
    assert side.artifact is not None
    return side.artifact


def found_place(found: Alternation, side: int) -> int:
    """Of a side in the very first block."""
    return int(np.flatnonzero(found.side[: len(found.sides)] == side)[0])


def pair_samples(
    side: int,
    pair: int,
    process: int,
    warmup: bool,
    columns: Columns,
    shift_ns: int,
    block: npt.NDArray[np.int64],
    kept: npt.NDArray[np.bool_],
) -> PairSamples:
    """A stage of a process as the store has it."""
    phases = {f"{name}_ns": values for name, values in columns.phases_ns.items()}
    if columns.enqueue_ns is not None:
        phases["enqueue_ns"] = columns.enqueue_ns
    return PairSamples(
        side, pair, process, warmup, columns.start_ns + shift_ns, columns.latency_ns, block, kept, phases
    )


def alone_ns(side: RoundResult) -> npt.NDArray[np.float64]:
    """The later half of the warm-up, when no other side had the turn; never the process's first request, which is
    cold: empty for a side so slow that it has no other."""
    warmup = side.warmup.latency_ns
    later: npt.NDArray[np.float64] = warmup[max(1, warmup.size // 2) :].astype(np.float64)
    return later


def _change_s(trial: Alternation, requests: Sequence[SideRequests]) -> float:
    """From the end of one burst to the beginning of the next: commands, pipes, waking up."""
    measured_ns = sum(float(one.latency_ns[one.settled].sum()) for one in requests)
    return max(0.0, trial.elapsed_s - measured_ns / 1e9) / (trial.blocks * len(requests))


def _bias(side: RoundResult, requests: SideRequests, discarded: int) -> SideBias:
    counted = float(np.median(requests.latency_ns[requests.kept(discarded)]))
    before = alone_ns(side)
    alone = float(np.log(counted / np.median(before))) if before.size else None
    return SideBias(_first_request(requests, discarded), alone)


def _first_request(requests: SideRequests, discarded: int) -> float | None:
    """In longer bursts against the rest of the same burst; in single requests those after another side's against those
    after one of its own."""
    if requests.burst_size > discarded + 1 or discarded:
        bursts = np.log(requests.by_burst())
        rest = np.median(bursts[:, max(1, discarded) :], axis=1)
        return float(np.median(bursts[:, 0] - rest))
    logs = np.log(requests.latency_ns[requests.settled])
    changed = requests.after_change[requests.settled]
    if min(changed.sum(), (~changed).sum()) < 4:
        return None
    return float(np.median(logs[changed]) - np.median(logs[~changed]))


def _rows(columns: Columns, kept: npt.NDArray[np.bool_]) -> Columns:
    return Columns(
        columns.start_ns[kept],
        columns.latency_ns[kept],
        {name: values[kept] for name, values in columns.phases_ns.items()},
        None if columns.enqueue_ns is None else columns.enqueue_ns[kept],
    )
