"""Short fresh processes one after the other, in balanced order: where the sides cannot live on the device at once, or
its tool starts a process a measurement (TFLite's benchmark_model, trtexec).

A pair is every side's process twice, in a random order and then in its reverse (ABBA), so that a steady drift cancels.
What varies from one process to the next stays in: the interval needs many more pairs than by turns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

import numpy as np

from bench_worker.alternation.order import block_orders
from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.runners.base import RoundJob
from latency_bench.harness.case import shortest, with_checks
from latency_bench.harness.neighbours import others_on
from latency_bench.harness.pairs.pair_data import PairMeasured, ProcessPair, SideBias
from latency_bench.harness.pairs.taking_turns import pair_samples
from latency_bench.harness.preparing import Prepared, judge_outputs
from latency_bench.harness.rounds import Observer
from latency_bench.harness.run_data import Round
from latency_bench.harness.statistics.block_ratio import block_ratio
from latency_bench.harness.telemetry_sampler import TelemetrySampler

_BLOCKS = 2


class ShortProcesses:
    """In the place of TakingTurns, with the same methods."""

    def __init__(
        self, measured: PairMeasured, session: DeviceSession, prepared: Sequence[Prepared], outputs: Path
    ) -> None:
        self._measured = measured
        self._session = session
        self._prepared = prepared
        self._outputs = outputs
        self.shortest_s = self.usual_s = 0.0

    def try_out(self, observer: Observer) -> None:
        """Every side once, for its outputs alone. Raises FidelityError, DeviceError."""
        for number, side in enumerate(self._measured.sides):
            self._measured.failed_side = number
            observer.stage(f"{side.case.spec.id}: outputs")
            side.stage = "measure"
            assert side.artifact is not None
            job = with_checks(shortest(self._job(number)), side.case, side.artifact)
            deployment = self._prepared[number].deployment
            result = self._session.measure(deployment, job, self._outputs / f"side{number}.npz", lambda _: None)
            judge_outputs(side, result, job, self._session, deployment, self._outputs, observer.stage)
        self._measured.failed_side = None

    def pair(self, index: int, seconds: float, observer: Observer) -> ProcessPair:
        """Every side's process twice; `seconds` is not for those to follow, whose protocol says how long they sample.

        Raises DeviceError.
        """
        began_s, began_at = time.monotonic(), datetime.now(timezone.utc)
        sides = len(self._measured.sides)
        seed = self._measured.request.seed + index
        logs = np.zeros((sides, _BLOCKS))
        places = np.zeros((sides, _BLOCKS))
        orders = list(islice(block_orders(sides, seed), _BLOCKS))
        sampled_s = 0.0
        for block, order in enumerate(orders):
            for place, number in enumerate(order):
                median_ns, elapsed_s = self._process(began_at, index, block, place, number, observer)
                logs[number, block], places[number, block] = np.log(median_ns), place
                sampled_s += elapsed_s
        return ProcessPair(
            index=index,
            started_at=began_at,
            order_seed=seed,
            start_order=tuple(orders[0]),
            wall_s=time.monotonic() - began_s,
            alternated_s=sampled_s,
            blocks=_BLOCKS,
            ratios=tuple(block_ratio(logs[0], logs[side], places[side] < places[0]) for side in range(1, sides)),
            bias=(SideBias(None, None),) * sides,
            idle_processor_s=(),
        )

    def _process(
        self, began_at: datetime, pair: int, block: int, place: int, number: int, observer: Observer
    ) -> tuple[float, float]:
        """Median latency, and the seconds that it was sampled."""
        side, process = self._measured.sides[number], _BLOCKS * pair + block
        self._measured.failed_side = number
        self._session.check_lock()
        others = others_on(side.case.device)
        started_at = datetime.now(timezone.utc)
        with TelemetrySampler(self._session) as telemetry:
            try:
                result = self._session.measure(
                    self._prepared[number].deployment,
                    self._job(number),
                    self._outputs / f"side{number}.npz",
                    lambda progress: observer.progress(side.case, process, progress),
                )
            finally:
                self._measured.readings.extend(telemetry.readings)
        self._measured.failed_side = None
        others = tuple(sorted({*others, *others_on(side.case.device)}))
        position = block * len(self._measured.sides) + place
        side.rounds.append(
            Round(
                process,
                position,
                started_at,
                result,
                readings=telemetry.readings,
                watched_unix_ns=telemetry.watched_unix_ns,
                telemetry_error=telemetry.error,
                others=others,
            )
        )
        shift_ns = int((started_at - began_at).total_seconds() * 1e9)
        for warmup, columns in ((True, result.warmup), (False, result.samples)):
            count = columns.latency_ns.size
            blocks, counts = np.full(count, -1 if warmup else block), np.full(count, not warmup)
            self._measured.samples.append(
                pair_samples(number, pair, process, warmup, columns, shift_ns, blocks, counts)
            )
        return float(np.median(result.samples.latency_ns)), result.done.get("elapsed_ns", 0) / 1e9

    def _job(self, number: int) -> RoundJob:
        side = self._measured.sides[number]
        assert side.artifact is not None
        return side.case.round_request(side.artifact, self._prepared[number].cpus, len(self._measured.pairs))
