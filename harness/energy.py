"""Energy from the device's own power readings: mean power while sampling, times its length, over the images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from latency_bench.harness.gpu_verdicts import gpu_of
from latency_bench.harness.store.outcome import Energy

if TYPE_CHECKING:
    from latency_bench.devices.probes.base import Reading
    from latency_bench.harness.run_data import Round

_GPU = re.compile(r"gpu\d+")
LEAST_READINGS = 3
"""Fewer readings of the power inside a round's sampling say nothing of its mean."""


def energy(rounds: Sequence[Round], batch: int) -> Energy | None:
    """Joules an image over the sampling of all rounds; None unless every round has enough readings of the whole power.

    The pauses between two requests count too: this is what the device drew for these images in this time, idle power
    included.
    """
    joules = seconds = 0.0
    images = readings = 0
    rails: set[str] = set()
    # Of several GPUs in a machine only the one that was measured counts; a board's rails are all of one module.
    gpu = gpu_of(rounds) if rounds else None
    for one in rounds:
        window_ns = one.result.sampled_unix_ns
        if window_ns is None:
            return None
        powers = [
            reading
            for reading in one.readings
            if reading.quantity == "power_total"
            and (gpu is None or reading.source == gpu or not _GPU.fullmatch(reading.source))
            and window_ns[0] <= reading.time_ns <= window_ns[1]
        ]
        if len(powers) < LEAST_READINGS:
            return None
        length_s = (window_ns[1] - window_ns[0]) / 1e9
        joules += _mean_power_w(powers, window_ns) * length_s
        seconds += length_s
        images += batch * len(one.result.samples.latency_ns)
        readings += len(powers)
        rails |= {reading.source for reading in powers}
    if not images or joules <= 0 or len(rails) != 1:
        return None
    return Energy(
        joules_per_image=joules / images,
        images_per_joule=images / joules,
        mean_power_w=joules / seconds,
        readings=readings,
        rails=tuple(rails.pop().split("+")),
    )


def _mean_power_w(powers: Sequence[Reading], window_ns: tuple[int, int]) -> float:
    """Each reading stands for the time up to the middle between it and its neighbours, the outer ones for the rest."""
    times = [reading.time_ns for reading in powers]
    bounds = [window_ns[0], *((a + b) / 2 for a, b in pairwise(times)), window_ns[1]]
    spans = [b - a for a, b in pairwise(bounds)]
    weighted = sum(reading.value * span for reading, span in zip(powers, spans, strict=True))
    return weighted / (window_ns[1] - window_ns[0])
