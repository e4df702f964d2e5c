"""What is promised of claims, on the noise of real machines. Full size: benchmarks/claims_simulated.py."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from machine_noise import NOISES, MachineNoise


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)
def test_a_factor_of_1_is_undecided(load_script: Callable[[str], ModuleType], noise: MachineNoise) -> None:
    simulated = load_script("benchmarks/claims_simulated.py")
    trials = 150
    counts = simulated.verdict_counts(noise, 9, 1.0, trials)
    # A true 5 % would give more than 15 of 150 once in 500 times.
    assert trials - counts["undecided"] <= 0.10 * trials
    assert simulated.verdict_counts(noise, 9, 2.0, 20)["undecided"] == 0
