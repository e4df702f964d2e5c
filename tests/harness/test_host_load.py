"""What the worker counted of its waits becomes a share of time that can be told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from latency_bench.harness.host_load import host_load


@pytest.mark.parametrize(("waited_ns", "share"), [(0, 1.0), (400, 0.6), (1_010, 0.0)])
def test_a_worker_has_its_cores_for_no_less_than_none_of_the_time(waited_ns: int, share: float) -> None:
    done = {"usage": {"runqueue_wait_ns": waited_ns, "user_ns": 300}, "elapsed_ns": 1_000}
    result = SimpleNamespace(hello={}, loaded={}, done=done, samples=SimpleNamespace(latency_ns=[1]))
    case: Any = SimpleNamespace(threads=1)
    probes: Any = SimpleNamespace(flags=(), foreign_processes=())
    rounds: Any = [SimpleNamespace(result=result, readings=())]
    assert host_load(case, rounds, probes).cpu_share == pytest.approx(share)
