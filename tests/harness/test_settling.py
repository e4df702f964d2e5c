"""A start-up that the samples show is warm-up; nothing else is moved, and nothing is lost."""

from __future__ import annotations

from typing import Any

import numpy as np

from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.settling import settle

MS = 1_000_000


def a_round(samples_ms: np.ndarray, warmup_ms: np.ndarray, **loaded: Any) -> RoundResult:
    def columns(values_ms: np.ndarray, first: int) -> Columns:
        latency_ns = (values_ms * MS).astype(np.int64)
        return Columns(
            (first + np.arange(values_ms.size)) * 10 * MS, latency_ns, {"compute": latency_ns // 2}, latency_ns // 10
        )

    return RoundResult(
        warmup=columns(warmup_ms, 0),
        samples=columns(samples_ms, warmup_ms.size),
        hello={},
        loaded=loaded,
        done={},
        outputs=None,
        log="",
    )


def noisy(level_ms: np.ndarray) -> np.ndarray:
    return level_ms * np.exp(0.01 * np.random.default_rng(0).standard_normal(level_ms.size))


def test_a_start_up_among_the_samples_becomes_warm_up() -> None:
    result = a_round(noisy(np.where(np.arange(400) < 60, 15.0, 10.0)), np.full(5, 15.0))
    settled, verdict = settle(result)
    moved = verdict.settled_at
    assert verdict.verdict == "steady"
    assert 54 <= moved <= 66
    assert len(settled.warmup.latency_ns) == 5 + moved
    assert len(settled.samples.latency_ns) == 400 - moved
    for name in ("start_ns", "latency_ns", "enqueue_ns"):
        whole = np.concatenate([getattr(result.warmup, name), getattr(result.samples, name)])
        assert np.array_equal(np.concatenate([getattr(settled.warmup, name), getattr(settled.samples, name)]), whole)
    assert len(settled.warmup.phases_ns["compute"]) == 5 + moved
    assert abs(float(np.median(settled.samples.latency_ns)) / MS - 10) < 0.1


def test_a_steady_round_is_left_alone() -> None:
    result = a_round(noisy(np.full(400, 10.0)), np.full(5, 10.0))
    settled, verdict = settle(result)
    assert settled is result
    assert verdict.verdict == "steady"


def test_a_round_that_drifts_is_left_alone_and_said() -> None:
    result = a_round(noisy(np.linspace(10.0, 12.0, 400)), np.full(5, 10.0))
    settled, verdict = settle(result)
    assert settled is result
    assert verdict.verdict == "drifting"


def test_samples_that_are_processes_have_no_start_up() -> None:
    levels = np.where(np.arange(200) < 40, 15.0, 10.0)
    result = a_round(noisy(levels), np.full(5, 15.0), sample_is="median of 20 inferences of one process")
    settled, _ = settle(result)
    assert settled is result


def test_a_round_without_a_warm_up() -> None:
    settled, verdict = settle(a_round(noisy(np.where(np.arange(400) < 60, 15.0, 10.0)), np.empty(0)))
    assert verdict.verdict == "steady"
    assert len(settled.warmup.latency_ns) == verdict.settled_at > 0
