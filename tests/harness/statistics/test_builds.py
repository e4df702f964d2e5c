"""Builds of an engine: their spread apart from that of rounds, and which round runs on which."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.devices.device import Device
from latency_bench.harness.case import Case
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.statistics.builds import spread_by_build
from latency_bench.model_specs import load_spec


def test_builds_that_differ_are_told_from_rounds_that_do():
    random = np.random.default_rng(1)
    builds = [index % 3 for index in range(9)]
    levels = {0: 10.0, 1: 10.5, 2: 11.0}
    differ = spread_by_build([levels[b] * random.normal(1, 0.001) for b in builds], builds)
    assert differ.count == 3
    assert differ.between_cv == pytest.approx(0.0476, rel=0.05)
    assert differ.within_cv < 0.003
    alike = spread_by_build([10.0 * random.normal(1, 0.02) for _ in builds], builds)
    assert alike.between_cv < 2 * alike.within_cv


def test_one_round_a_build_says_nothing_of_rounds():
    assert spread_by_build([10.0, 11.0], [0, 1]).within_cv is None


def test_a_single_build_has_no_spread():
    assert spread_by_build([10.0, 11.0], [0, 0]) is None
    with pytest.raises(ValueError, match="2 rounds"):
        spread_by_build([10.0, 11.0], [0])


@pytest.mark.parametrize(("runtime", "expected"), [("tensorrt", [0, 1, 2, 0]), ("torch-cuda", [None] * 4)])
def test_rounds_take_turns_on_the_builds(runtime, expected):
    case = Case(load_spec("b1-seg"), Device(name="gpu"), load_protocol("standard"), runtime, rounds=9, threads=1)
    assert [case.build_of(index) for index in range(4)] == expected
