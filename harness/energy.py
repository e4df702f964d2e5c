"""Energy from the device's own power readings: mean power while sampling, times its length, over the images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from latency_bench.devices.probes.readings import POWER_TOTAL, Reading
from latency_bench.harness.probe_verdicts import observed
from latency_bench.harness.store.outcome import Energy
from latency_bench.harness.telemetry_coverage import coverage

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Round

_GPU = re.compile(r"gpu\d+")
LEAST_READINGS = 3
"""Fewer readings of the power inside a round's sampling say nothing of its mean."""


@dataclass(frozen=True)
class NoEnergy:
    """The power was read, and no energy can be stated."""

    reason: str


def energy(rounds: Sequence[Round], batch: int, fingerprint: Mapping[str, Any]) -> Energy | NoEnergy | None:
    """Joules an image over the sampling of all rounds; None where the device's power is not read at all.

    `fingerprint` is the device's, whose probes tell which of its GPUs was measured.
    Every round needs enough readings of the whole power, and they have to cover the sampling. The pauses between two
    requests count too: this is what the device drew for these images in this time, idle power included.
    """
    from latency_bench.harness.statistics.throttling import LEAST_COVERAGE

    # Of several GPUs in a machine only the one that was measured counts; a board's rails are all of one module.
    run = observed(rounds, fingerprint)

    def is_whole(reading: Reading, _: Round) -> bool:
        return reading.quantity == POWER_TOTAL.name

    def counts(reading: Reading, one: Round) -> bool:
        mine = reading.source == run.gpu or not _GPU.fullmatch(reading.source)
        return is_whole(reading, one) and mine

    by_round = [[reading for reading in one.readings if counts(reading, one)] for one in rounds]
    if not any(by_round):
        others = run.on_gpu and any(is_whole(reading, one) for one in rounds for reading in one.readings)
        return NoEnergy("it is not known which of the machine's GPUs was measured") if others else None
    if any(one.result.sampled_unix_ns is None for one in rounds):
        return NoEnergy("it is not known when the rounds were sampled")
    covered = coverage(rounds, counts) or 0.0
    if covered < LEAST_COVERAGE:
        return NoEnergy(f"power readings cover {covered:.0%} of the sampling ({LEAST_COVERAGE:.0%} needed)")
    if len(rails := {reading.source for powers in by_round for reading in powers}) != 1:
        return NoEnergy(f"the rails that make up the whole changed: {', '.join(sorted(rails))}")
    return _over_rounds(rounds, by_round, batch, rails.pop())


def _over_rounds(
    rounds: Sequence[Round], by_round: Sequence[Sequence[Reading]], batch: int, rails: str
) -> Energy | NoEnergy:
    joules = seconds = 0.0
    readings = 0
    for one, powers in zip(rounds, by_round, strict=True):
        assert one.result.sampled_unix_ns is not None
        begin_ns, end_ns = one.result.sampled_unix_ns
        inside = [reading for reading in powers if begin_ns <= reading.time_ns <= end_ns]
        if len(inside) < LEAST_READINGS:
            return NoEnergy(f"{len(inside)} power readings in round {one.index + 1}, {LEAST_READINGS} needed")
        length_s = (end_ns - begin_ns) / 1e9
        joules += _mean_power_w(inside, (begin_ns, end_ns)) * length_s
        seconds += length_s
        readings += len(inside)
    images = batch * sum(len(one.result.samples.latency_ns) for one in rounds)
    if not images or joules <= 0:
        return NoEnergy("the power readings are 0 W")
    return Energy(
        joules_per_image=joules / images,
        images_per_joule=images / joules,
        mean_power_w=joules / seconds,
        readings=readings,
        rails=tuple(rails.split("+")),
    )


def _mean_power_w(powers: Sequence[Reading], window_ns: tuple[int, int]) -> float:
    """Each reading stands for the time up to the middle between it and its neighbours, the outer ones for the rest."""
    times = [reading.time_ns for reading in powers]
    bounds = [window_ns[0], *((a + b) / 2 for a, b in pairwise(times)), window_ns[1]]
    spans = [b - a for a, b in pairwise(bounds)]
    weighted = sum(reading.value * span for reading, span in zip(powers, spans, strict=True))
    return weighted / (window_ns[1] - window_ns[0])
