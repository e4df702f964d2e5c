"""The noise of real machines, as fitted to samples in results/: what pairs are simulated on.

Log latency is white noise plus components that forget exponentially, each with its spread and correlation time. Two
processes on one machine share the components and not the white noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from latency_models import Floats, Random, normal_ar1


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


EPYC_MILAN = MachineNoise("epyc-milan", 0.039, ((3.0, 0.027), (10.0, 0.106)))
XEON_AVX512 = MachineNoise("xeon-avx512", 0.017, ((3.0, 0.055),))
XEON_TFLITE_2_14 = MachineNoise("xeon-avx512-tflite-2.14", 0.019, ((1.0, 0.023), (3.0, 0.016)))
NOISES = (EPYC_MILAN, XEON_AVX512, XEON_TFLITE_2_14)
