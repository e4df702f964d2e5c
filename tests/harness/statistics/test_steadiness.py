"""Verdicts on rounds whose truth is known: what is called steady has the right median, and drift is not so called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from latency_models import normal_ar1

from latency_bench.harness.statistics.steadiness import TOLERANCE, judge_steadiness

Floats = np.ndarray
Random = np.random.Generator
REPEATS = 40
UNSTEADY = ("decay over 30", "decay over 100", "compiler's steps", "ramp of 10 %", "thermal ramp")


def noise(random: Random, n: int, spread: float = 0.01) -> Floats:
    return spread * random.standard_normal(n)


def decay(random: Random, n: int, requests: float) -> Floats:
    return np.log(1 + 0.5 * np.exp(-np.arange(n) / requests)) + noise(random, n)


def compiler_steps(random: Random, n: int) -> Floats:
    place = np.arange(n) / n
    return np.log(np.where(place < 0.1, 1.6, np.where(place < 0.25, 1.2, 1.0))) + noise(random, n)


def two_clocks(random: Random, n: int) -> Floats:
    return 0.12 * (np.cumsum(random.random(n) < 4 / n) % 2) + noise(random, n)


PROCESSES: dict[str, Callable[[Random, int], Floats]] = {
    "noise of 1 %": noise,
    "noise of 5 %": lambda random, n: noise(random, n, 0.05),
    "heavy tails": lambda random, n: 0.01 * random.standard_t(2.5, n),
    "bursts of 50 %": lambda random, n: 0.5 * (random.random(n) < 0.05) + noise(random, n),
    "AR(1) 0.9, 1 %": lambda random, n: normal_ar1(random, 1, n, 0.9)[0] * 0.01,
    "decay over 30": lambda random, n: decay(random, n, 30),
    "decay over 100": lambda random, n: decay(random, n, 100),
    "compiler's steps": compiler_steps,
    "ramp of 10 %": lambda random, n: np.linspace(0, 0.1, n) + noise(random, n),
    "thermal ramp": lambda random, n: 0.15 * np.clip(2 * np.arange(n) / n - 1, 0, 1) + noise(random, n),
    "two clocks": two_clocks,
    "slow wandering": lambda random, n: normal_ar1(random, 1, n, np.exp(-10 / n))[0] * 0.1,
}


def verdicts(name: str, n: int) -> tuple[Counter[str], list[float]]:
    """Verdicts of many rounds, and for those called steady the error of the median that would be reported."""
    random = np.random.default_rng(7)
    counted: Counter[str] = Counter()
    errors = []
    for _ in range(REPEATS):
        samples = np.exp(PROCESSES[name](random, n))
        judged = judge_steadiness(samples)
        counted[judged.verdict] += 1
        if judged.verdict == "steady":
            errors.append(abs(float(np.median(samples[judged.settled_at :])) - 1))
    return counted, errors


@pytest.mark.parametrize("n", [30, 150, 600, 3000])
@pytest.mark.parametrize("name", list(UNSTEADY))
def test_what_is_not_steady_is_called_so_or_its_start_is_cut_off(name: str, n: int) -> None:
    counted, errors = verdicts(name, n)
    assert counted["unknown"] <= REPEATS * 0.1
    if "ramp" in name:
        assert not errors
    assert max(errors, default=0.0) < TOLERANCE


@pytest.mark.parametrize("name", ["noise of 1 %", "bursts of 50 %", "heavy tails"])
@pytest.mark.parametrize("n", [150, 600, 3000])
def test_what_is_steady_is_shown_to_be(name: str, n: int) -> None:
    counted, errors = verdicts(name, n)
    assert counted["steady"] >= REPEATS * 0.9
    assert max(errors) < TOLERANCE / 2


def test_noise_with_few_requests_is_no_verdict() -> None:
    """5 % of noise and 60 requests leave the levels of the halves uncertain by more than the tolerance."""
    counted, _ = verdicts("noise of 5 %", 60)
    assert counted["unknown"] >= REPEATS * 0.8
    assert counted["steady"] + counted["unknown"] >= REPEATS * 0.85


@pytest.mark.parametrize("n", [150, 600])
@pytest.mark.parametrize("name", ["two clocks", "slow wandering"])
def test_a_level_that_wanders_is_not_called_steady_where_it_matters(name: str, n: int) -> None:
    counted, _ = verdicts(name, n)
    assert counted["steady"] <= REPEATS * 0.3


def test_the_start_is_cut_off_where_it_ends() -> None:
    random = np.random.default_rng(1)
    samples = np.exp(np.where(np.arange(400) < 60, 0.4, 0.0) + noise(random, 400))
    judged = judge_steadiness(samples)
    assert judged.verdict == "steady"
    assert judged.settled_at == pytest.approx(60, abs=6)
    assert "after" in judged.reason


def test_a_start_that_ended_within_the_warm_up_cuts_nothing_off() -> None:
    random = np.random.default_rng(2)
    series = np.exp(np.where(np.arange(400) < 60, 0.4, 0.0) + noise(random, 400))
    judged = judge_steadiness(series[100:], series[:100])
    assert (judged.verdict, judged.settled_at) == ("steady", 0)


def test_wandering_noise_is_not_cut_so_that_its_median_stays_unbiased() -> None:
    random = np.random.default_rng(3)
    cut = [judge_steadiness(np.exp(normal_ar1(random, 1, 300, 0.97)[0] * 0.05)).settled_at for _ in range(60)]
    assert sum(place > 0 for place in cut) <= 3


def test_a_step_in_the_middle_is_named_by_its_place() -> None:
    random = np.random.default_rng(4)
    samples = np.exp(np.where(np.arange(300) < 220, 0.0, 0.06) + noise(random, 300))
    judged = judge_steadiness(samples)
    assert judged.verdict in ("stepping", "drifting")
    assert judged.steps[0] == pytest.approx(220, abs=10)


def test_the_verdict_does_not_depend_on_the_unit() -> None:
    samples = np.exp(noise(np.random.default_rng(5), 200))
    assert judge_steadiness(samples).verdict == judge_steadiness(samples * 1e6).verdict


@pytest.mark.parametrize(("count", "verdict"), [(1, "unknown"), (23, "unknown"), (24, "steady")])
def test_few_requests(count: int, verdict: str) -> None:
    assert judge_steadiness(np.full(count, 2.0)).verdict == verdict


def test_latencies_of_zero_and_wrong_values() -> None:
    assert judge_steadiness(np.zeros(100)).verdict == "unknown"
    with pytest.raises(ValueError, match="finite"):
        judge_steadiness(np.array([1.0, np.nan]))
