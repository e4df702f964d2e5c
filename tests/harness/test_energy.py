"""Energy an image from power readings: what counts, and when there is none."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest

from latency_bench.devices.probes.base import Reading
from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.energy import energy
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
    found = energy([_round([(9, 50), (11, 10), (15, 10), (19, 10), (21, 50)])], batch=2)
    assert found is not None
    assert found.mean_power_w == pytest.approx(10)
    assert found.joules_per_image == pytest.approx(10 * 10 / 200)
    assert found.images_per_joule == pytest.approx(2)
    assert found.readings == 3, "what lies outside the sampling does not count"
    assert found.rails == ("A", "B")


def test_readings_at_uneven_intervals_are_weighted_by_their_time():
    found = energy([_round([(10, 4), (12, 4), (20, 8)])], batch=1)
    assert found is not None
    # 4 W until 16 s, the middle between the last two, and 8 W from there on.
    assert found.mean_power_w == pytest.approx((6 * 4 + 4 * 8) / 10)


def test_rounds_add_up():
    found = energy([_round([(11, 10), (12, 10), (13, 10)]), _round([(11, 20), (12, 20), (13, 20)], images=300)], 1)
    assert found is not None
    assert found.joules_per_image == pytest.approx((100 + 200) / 400)
    assert found.mean_power_w == pytest.approx(15)


@pytest.mark.parametrize(
    "rounds",
    [
        [],
        [_round([(11, 10), (12, 10)])],
        [_round([(11, 10), (12, 10), (13, 10)], window=None)],
        [_round([(11, 10), (12, 10), (13, 10)]), _round([])],
        [_round([(11, 0), (12, 0), (13, 0)])],
    ],
)
def test_too_little_gives_none_and_never_a_guess(rounds):
    assert energy(rounds, batch=1) is None


def test_a_record_whose_two_numbers_contradict_each_other_is_refused():
    with pytest.raises(ValueError, match="inverse"):
        Energy(joules_per_image=0.5, images_per_joule=3.0, mean_power_w=10.0, readings=3, rails=("A",))


def test_of_several_gpus_only_the_measured_one_counts_and_rails_always_do():
    one = _round([(11, 10), (12, 10), (13, 10)])
    one.result.loaded["gpu"] = "Orin"
    assert energy([one], 1) is not None, "rails are a board's, whatever ran on it"
    one.readings[:] = [
        Reading(source, "power_total", watts, "W", second * S)
        for source, watts in (("gpu0", 5.0), ("gpu1", 70.0))
        for second in (11, 12, 13)
    ]
    found = energy([one], 1)
    assert found is not None
    assert found.mean_power_w == pytest.approx(5)
