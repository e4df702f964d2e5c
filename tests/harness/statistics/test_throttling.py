"""A steady clock here is one as devices have them: jitter, boost bins, slow wander, single readings taken at idle."""

from collections.abc import Callable

import numpy as np
import pytest
from latency_models import normal_ar1

from latency_bench.harness.statistics.throttling import (
    LEAST_DROP,
    LEAST_READINGS,
    LEAST_SHARE,
    detect_throttling,
    running_median,
)

Random = np.random.Generator


def _with_dips(random: Random, clock: np.ndarray) -> np.ndarray:
    dips = random.random(clock.size) < 0.03
    return np.where(dips, clock * random.uniform(0.2, 0.9, clock.size), clock)


def _locked(random: Random, n: int) -> np.ndarray:
    return np.full(n, random.uniform(500, 3000))


def _jitter(random: Random, n: int) -> np.ndarray:
    return random.uniform(500, 3000) * (1 + random.uniform(0.001, 0.008) * random.standard_normal(n))


def _boost_bins(random: Random, n: int) -> np.ndarray:
    """15 MHz bins below 1980 MHz, as an NVIDIA GPU takes them under load."""
    return 1980.0 - 15 * random.integers(0, 4, n)


def _wander(random: Random, n: int) -> np.ndarray:
    return random.uniform(500, 3000) * (1 + 0.006 * normal_ar1(random, 1, n, 0.9)[0])


STEADY = [_locked, _jitter, _boost_bins, _wander]


def _somewhere(random: Random, n: int, count: int) -> np.ndarray:
    start = random.integers(0, n - count + 1)
    return (np.arange(n) >= start) & (np.arange(n) < start + count)


def _at_the_end(random: Random, n: int, count: int) -> np.ndarray:
    return np.arange(n) >= n - count


def _in_bursts(random: Random, n: int, count: int) -> np.ndarray:
    """A governor that goes down and up again, eight readings at a time."""
    slots = random.permutation(n // 16)[: -(-count // 8)]
    lowered = np.zeros(n, dtype=bool)
    for slot in slots:
        lowered[16 * slot : 16 * slot + 8] = True
    return lowered


@pytest.mark.parametrize("clock", STEADY)
def test_no_false_alarm_on_a_thousand_steady_clocks(clock: Callable[[Random, int], np.ndarray]) -> None:
    random = np.random.default_rng(11)
    lengths = random.integers(60, 900, 250)
    verdicts = [detect_throttling(_with_dips(random, clock(random, int(n)))).verdict for n in lengths]
    assert verdicts == ["no"] * 250


@pytest.mark.parametrize("clock", STEADY)
@pytest.mark.parametrize("place", [_somewhere, _at_the_end, _in_bursts])
def test_every_real_drop_is_found(
    clock: Callable[[Random, int], np.ndarray], place: Callable[[Random, int, int], np.ndarray]
) -> None:
    random = np.random.default_rng(12)
    for trial in range(60):
        n = int(random.integers(300, 900))
        # The first trials are the smallest drops that have to be found, the others any.
        depth = LEAST_DROP if trial < 20 else random.uniform(LEAST_DROP, 0.5)
        share = LEAST_SHARE if trial < 20 else random.uniform(LEAST_SHARE, 0.4 if place is _in_bursts else 0.9)
        series = clock(random, n)
        series = np.where(place(random, n, int(np.ceil(share * n))), series * (1 - depth), series)
        found = detect_throttling(_with_dips(random, series))
        assert found.verdict == "yes", (depth, share, found)


def test_depth_and_share_are_measured() -> None:
    clock = np.where(np.arange(400) >= 300, 1040.0, 1300.0)
    found = detect_throttling(clock)
    assert (found.reference, found.drop, found.share) == (1300.0, pytest.approx(0.2), pytest.approx(0.25, abs=0.01))
    assert "20.0% below" in found.evidence[0]


def test_a_burst_at_the_start_is_the_reference_though_the_rest_is_slow() -> None:
    assert detect_throttling(np.where(np.arange(600) < 20, 1500.0, 1300.0)).verdict == "yes"


def test_a_clock_that_never_reached_the_locked_one_is_throttled_only_if_the_lock_is_known() -> None:
    assert detect_throttling(np.full(100, 1100.0)).verdict == "no"
    assert detect_throttling(np.full(100, 1100.0), expected=1300.0).verdict == "yes"


def test_without_clock_or_reasons_the_answer_is_unknown_whatever_the_temperature() -> None:
    found = detect_throttling(None, temperature_c=[95.0, 97.0], limit_c=95.0)
    assert found.verdict == "unknown"
    assert "97 °C, at or above 95 °C" in found.evidence[0]
    assert detect_throttling(None).verdict == "unknown"
    few = detect_throttling(np.full(LEAST_READINGS - 1, 1000.0))
    assert few.verdict == "unknown"
    assert "20 needed" in few.evidence[0]


def test_reasons_decide_where_they_hold_for_long() -> None:
    thermal = [{"sw_thermal_slowdown"} if i < 10 else set() for i in range(100)]
    found = detect_throttling(None, reasons=thermal)
    assert found.verdict == "yes"
    assert found.evidence == ("sw_thermal_slowdown in 10% of the readings",)
    once = [{"hw_slowdown"} if i == 3 else set() for i in range(100)]
    assert detect_throttling(None, reasons=once).verdict == "no"
    assert detect_throttling(None, reasons=[set()] * 100).evidence == ("no throttle reason was active",)
    assert detect_throttling(np.full(100, 1300.0), reasons=thermal).verdict == "yes"


def test_a_sign_of_the_devices_own_is_enough() -> None:
    found = detect_throttling(np.full(100, 1300.0), signs=["the phone said that it is hot"])
    assert found.verdict == "yes"
    assert found.evidence[0] == "the phone said that it is hot"


@pytest.mark.parametrize(
    ("covered", "verdict"), [(None, "no"), (1.0, "no"), (0.9, "no"), (0.89, "unknown"), (0, "unknown")]
)
def test_only_what_was_watched_is_vouched_for(covered: float | None, verdict: str) -> None:
    found = detect_throttling(np.full(100, 1300.0), covered=covered)
    assert found.verdict == verdict
    assert any("90% needed" in sentence for sentence in found.evidence) is (verdict == "unknown")
    assert detect_throttling(np.repeat([1300.0, 900.0], 50), covered=covered).verdict == "yes"


@pytest.mark.parametrize("window", [5, 31])
def test_the_running_median_is_that_of_each_window(window: int) -> None:
    series = np.random.default_rng(1).random(100)
    half = window // 2
    expected = [np.median(series[max(0, i - half) : i + half + 1]) for i in range(100)]
    assert running_median(series, window).tolist() == pytest.approx(expected)
