"""Energy an image from power readings: what counts, and when there is none."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest

from latency_bench.devices.probes.base import Reading
from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.energy import NoEnergy, energy
from latency_bench.harness.run_data import Round
from latency_bench.harness.store.outcome import Energy

S = 1_000_000_000


def _round(
    powers: list[tuple[float, float]], images: int = 100, window: tuple[int, int] | None = (10 * S, 20 * S)
) -> Round:
    latency = np.full(images, 5_000_000, np.int64)
    columns = Columns(np.arange(images, dtype=np.int64), latency)
    result = RoundResult(columns, columns, {}, {}, {}, None, "", sampled_unix_ns=window)
    readings = [Reading("A+B", "power_total", watts, "W", int(second * S)) for second, watts in powers]
    return Round(0, 0, datetime.now(timezone.utc), result, [*readings, Reading("A", "power", 99.0, "W", 12 * S)])


def test_constant_power():
    found = energy([_round([(9, 50), (11, 10), (15, 10), (19, 10), (21, 50)])], 2, {})
    assert isinstance(found, Energy)
    assert found.mean_power_w == pytest.approx(10)
    assert found.joules_per_image == pytest.approx(10 * 10 / 200)
    assert found.images_per_joule == pytest.approx(2)
    assert found.readings == 3, "what lies outside the sampling does not count"
    assert found.rails == ("A", "B")


def test_readings_at_uneven_intervals_are_weighted_by_their_time():
    found = energy([_round([(10, 4), (14, 4), (18, 8)])], 1, {})
    assert isinstance(found, Energy)
    # 4 W until 16 s, the middle between the last two, and 8 W from there on.
    assert found.mean_power_w == pytest.approx((6 * 4 + 4 * 8) / 10)


def test_rounds_add_up():
    found = energy([_round([(11, 10), (14, 10), (18, 10)]), _round([(11, 20), (14, 20), (18, 20)], images=300)], 1, {})
    assert isinstance(found, Energy)
    assert found.joules_per_image == pytest.approx((100 + 200) / 400)
    assert found.mean_power_w == pytest.approx(15)


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        ([_round([(12, 10), (17, 10)])], "2 power readings in round 1, 3 needed"),
        ([_round([(11, 10), (12, 10), (13, 10)])], "cover 55% of the sampling (90% needed)"),
        ([_round([(11, 10), (14, 10), (18, 10)], window=None)], "not known when"),
        ([_round([(11, 10), (14, 10), (18, 10)]), _round([])], "cover 50% of the sampling"),
        ([_round([(11, 0), (14, 0), (18, 0)])], "0 W"),
    ],
)
def test_too_little_gives_none_and_never_a_guess(rounds, reason):
    found = energy(rounds, 1, {})
    assert isinstance(found, NoEnergy)
    assert reason in found.reason


def test_a_device_whose_power_is_not_read_has_none_and_no_reason():
    assert energy([_round([])], 1, {}) is None
    assert energy([], 1, {}) is None


def test_a_record_whose_two_numbers_contradict_each_other_is_refused():
    with pytest.raises(ValueError, match="inverse"):
        Energy(joules_per_image=0.5, images_per_joule=3.0, mean_power_w=10.0, readings=3, rails=("A",))


def test_of_several_gpus_only_the_measured_one_counts_and_rails_always_do():
    one = _round([(11, 10), (14, 10), (18, 10)])
    one.result.loaded["gpu"] = {"uuid": "0"}
    machine = {"nvidia": {"gpus": [{"uuid": "GPU-0"}, {"uuid": "GPU-1"}]}}
    assert isinstance(energy([one], 1, machine), Energy), "rails are a board's, whatever ran on it"
    one.readings[:] = [
        Reading(source, "power_total", watts, "W", second * S)
        for source, watts in (("gpu0", 5.0), ("gpu1", 70.0))
        for second in (11, 14, 18)
    ]
    found = energy([one], 1, machine)
    assert isinstance(found, Energy)
    assert found.mean_power_w == pytest.approx(5)
    one.result.loaded["gpu"] = {"uuid": "2"}
    unknown = energy([one], 1, machine)
    assert isinstance(unknown, NoEnergy)
    assert "which of the machine's GPUs" in unknown.reason
    del one.result.loaded["gpu"]
    assert energy([one], 1, machine) is None, "a run on a processor has no GPU's energy"
