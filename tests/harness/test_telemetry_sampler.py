"""Readings beside a measurement: what ends them early is kept, and costs the measurement nothing."""

from __future__ import annotations

import threading
from typing import get_args

import pytest

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.probes.readings import TEMPERATURE
from latency_bench.harness.statistics import flags
from latency_bench.harness.store import outcome
from latency_bench.harness.telemetry_sampler import TelemetrySampler


class Session:
    """Gives so many readings, then the error."""

    def __init__(self, count, error=None):
        self.count, self.error = count, error
        self.over = threading.Event()

    def read(self):
        if self.count == 0:
            self.over.set()
            if self.error is not None:
                raise self.error
            return []
        self.count -= 1
        return [TEMPERATURE.of("cpu", 50)]


def sampled(session):
    with TelemetrySampler(session, interval_s=0.001) as sampler:
        assert session.over.wait(60)
    return sampler


def test_what_was_read_and_when():
    sampler = sampled(Session(3))
    assert len(sampler.readings) == 3
    assert sampler.error is None
    began_ns, ended_ns = sampler.watched_unix_ns
    assert began_ns < ended_ns


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UnreachableError("the link was lost"), "the link was lost"),
        (DeviceError("nvidia-smi failed"), "nvidia-smi failed"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (ValueError("a third party's mistake"), "ValueError: a third party's mistake"),
    ],
)
def test_why_readings_stopped_is_kept(error, words):
    sampler = sampled(Session(2, error))
    assert len(sampler.readings) == 2
    assert words in sampler.error


def test_severities_are_one_set_of_words():
    assert get_args(flags.Severity) == get_args(outcome.Severity) == ("info", "warning", "error")
