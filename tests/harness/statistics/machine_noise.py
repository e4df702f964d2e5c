"""The noise of real machines, as fitted to samples in results/: what pairs are simulated on.

Log latency is white noise plus components that forget exponentially, each with its spread and correlation time. Two
processes on one machine share the components and not the white noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from latency_models import Floats, Random, normal_ar1

REQUEST_S = 0.1
"""Of the models that are simulated."""
START_S = 3.5
"""Of a process with its warm-up."""
BETWEEN = 0.005
"""Standard deviation of the log latency from process to process."""


@dataclass(frozen=True)
class MachineNoise:
    """Standard deviations of the log latency; `drifts` are (correlation time in seconds, spread)."""

    name: str
    white: float
    drifts: tuple[tuple[float, float], ...]

    def shared(self, random: Random, count: int, step_s: float) -> Floats:
        """What the machine adds at `count` moments, `step_s` apart, shape [count]."""
        parts = [spread * normal_ar1(random, 1, count, np.exp(-step_s / time_s))[0] for time_s, spread in self.drifts]
        return np.sum(parts, axis=0)

    def series(self, random: Random, count: int) -> Floats:
        """Log latencies of so many requests one after the other in one process, shape [count]."""
        return self.shared(random, count, REQUEST_S) + self.white * random.standard_normal(count)

    def rounds(self, random: Random, rounds: int, requests: int, between: float = BETWEEN) -> list[Floats]:
        """Latencies of rounds one after the other, one array each: fresh processes, which spread by `between` and take
        START_S to start. The typical latency is 1."""
        steps = requests + round(START_S / REQUEST_S)
        shared = self.shared(random, rounds * steps, REQUEST_S).reshape(rounds, steps)[:, -requests:]
        logs = shared + self.white * random.standard_normal((rounds, requests))
        return list(np.exp(logs + between * random.standard_normal((rounds, 1))))


EPYC_MILAN = MachineNoise("epyc-milan", 0.039, ((3.0, 0.027), (10.0, 0.106)))
XEON_AVX512 = MachineNoise("xeon-avx512", 0.017, ((3.0, 0.055),))
XEON_TFLITE_2_14 = MachineNoise("xeon-avx512-tflite-2.14", 0.019, ((1.0, 0.023), (3.0, 0.016)))
NOISES = (EPYC_MILAN, XEON_AVX512, XEON_TFLITE_2_14)
