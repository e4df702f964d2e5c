"""From what the rounds left behind to flags and verdicts: load of the host, cores that were taken away, enqueueing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.probes.base import Reading
from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.case import Case
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.run_data import Round
from latency_bench.harness.run_verdicts import clocks_locked, judge
from latency_bench.model_specs import load_spec

SECOND = 10**9
MS = 10**6


def a_case(**changes: Any) -> Case:
    fields: dict[str, Any] = {
        "protocol": load_protocol("quick"), "runtime": "litert", "rounds": 1, "threads": 1, **changes
    }  # fmt: skip
    return Case(spec=load_spec("b1-seg"), device=Device(name="here"), **fields)


def a_round(
    done: dict[str, Any] | None = None,
    busy_cores: float | None = None,
    loaded: dict[str, Any] | None = None,
    **columns: Any,
) -> Round:
    """Ten seconds of requests of 10 ms; `busy_cores` of the device are busy meanwhile."""
    count = 1000
    latency = np.full(count, 10 * MS) + np.arange(count) % 7
    samples = Columns(np.arange(count) * 10 * MS, latency, **columns)
    readings = []
    if busy_cores is not None:
        readings = [Reading("cpu", "cpu_time_busy", busy_cores * moment, "s", moment * SECOND) for moment in range(11)]
    result = RoundResult(
        warmup=samples,
        samples=samples,
        hello={"pid": 1, "cpus": [1]},
        loaded=loaded or {},
        done={"steady": True, "elapsed_ns": 10 * SECOND, **(done or {})},
        outputs=None,
        log="",
    )
    return Round(0, 0, None, result, readings)  # type: ignore[arg-type]


def flags(*rounds: Round, **changes: Any) -> dict[str, str]:
    """Texts by name, but for the one that so few rounds always raise."""
    found = judge(a_case(**changes), rounds, [], {}).flags
    return {flag.name: flag.text for flag in found if flag.name != "few_rounds"}


def used(cpu_s: float, waits_s: float | None = None, switches: int = 0) -> dict[str, Any]:
    usage = {"user_ns": int(cpu_s * SECOND), "system_ns": 0, "involuntary_switches": switches}
    return {"usage": usage if waits_s is None else {**usage, "runqueue_wait_ns": int(waits_s * SECOND)}}


def test_a_quiet_round_raises_nothing() -> None:
    assert flags(a_round(used(9.9, 0.01), busy_cores=1.02)) == {}


@pytest.mark.parametrize(
    ("busy_cores", "threads", "flagged"), [(1.4, 1, False), (1.6, 1, True), (2.4, 2, False), (2.6, 2, True)]
)
def test_cores_that_others_keep_busy(busy_cores: float, threads: int, flagged: bool) -> None:
    found = flags(a_round(used(9.9 * threads, 0.0), busy_cores), threads=threads)
    assert ("foreign_load" in found) is flagged
    if flagged:
        assert f"{busy_cores:.1f} cores were busy, {threads} of them" in found["foreign_load"]


def test_busy_cores_are_the_mean_over_all_rounds() -> None:
    assert "foreign_load" not in flags(a_round(busy_cores=1.0), a_round(busy_cores=1.9), rounds=2)
    assert "1.9 cores" in flags(a_round(busy_cores=1.0), a_round(busy_cores=2.8), rounds=2)["foreign_load"]


def test_time_in_the_run_queue_is_time_without_a_core() -> None:
    assert flags(a_round(used(9.9, waits_s=0.9))) == {}
    assert "for 88% of the time" in flags(a_round(used(9.9, waits_s=1.2)))["foreign_load"]
    # Two threads may wait twice as long.
    assert flags(a_round(used(19, waits_s=1.8)), threads=2) == {}
    assert "foreign_load" in flags(a_round(used(19, waits_s=2.2)), threads=2)


def test_where_the_kernel_tells_no_run_queue_the_cpu_time_of_one_thread_does() -> None:
    assert "for 80% of the time" in flags(a_round(used(8.0)))["foreign_load"]
    # Several threads wait for each other by design: that says nothing about others.
    assert flags(a_round(used(8.0)), threads=2) == {}
    # One round that does not tell leaves the whole run to the other rule.
    assert flags(a_round(used(9.9, waits_s=5.0)), a_round(used(9.9)), rounds=2) == {}


def test_the_thread_of_a_gpu_sleeps_and_that_is_no_foreign_load() -> None:
    assert flags(a_round(used(0.5, waits_s=2.0), loaded={"gpu": {}}), runtime="torch-cuda") == {}


@pytest.mark.parametrize(("switches", "flagged"), [(500, False), (501, True)])
def test_switches_are_counted_per_request(switches: int, flagged: bool) -> None:
    assert ("foreign_load" in flags(a_round(used(9.9, 0.0, switches)))) is flagged


def _gpu_round(enqueue_ms: float | None, compute_ms: float | None = 8.0) -> Round:
    columns: dict[str, Any] = {}
    if compute_ms is not None:
        columns["phases_ns"] = {"compute": np.full(1000, int(compute_ms * MS))}
    if enqueue_ms is not None:
        columns["enqueue_ns"] = np.full(1000, int(enqueue_ms * MS))
    return a_round(loaded={"gpu": {}}, **columns)


def test_a_host_that_cannot_keep_the_gpu_busy_is_said() -> None:
    found = flags(_gpu_round(7.9), runtime="torch-cuda")
    assert "0.99 of the compute time" in found["enqueue_bound"]
    assert flags(_gpu_round(1.0), runtime="torch-cuda") == {}


@pytest.mark.parametrize("rounds", [[_gpu_round(None)], [_gpu_round(7.9, None)], [_gpu_round(7.9), _gpu_round(None)]])
def test_enqueueing_that_was_not_measured_throughout_is_not_judged(rounds: list[Round]) -> None:
    assert flags(*rounds, runtime="torch-cuda", rounds=len(rounds)) == {}


def test_outputs_that_change_or_stop_being_finite_are_said() -> None:
    changed = {"output_drift": {"bitwise_equal": False, "max_abs_diff": 0.25}}
    assert "0.25" in flags(a_round(changed))["output_drift"]
    not_finite = {"output_drift": {"bitwise_equal": False, "finite": False}}
    assert "inf" in flags(a_round(not_finite))["output_drift"]


def test_a_round_that_never_settled_makes_the_run_unstable() -> None:
    settled, never = a_round({"steady": True}), a_round({"steady": False})
    assert judge(a_case(rounds=2), [settled, never], [], {}).unstable
    assert not judge(a_case(rounds=2), [settled, settled], [], {}).unstable


def test_a_warm_up_that_was_too_short_to_judge_is_no_sign_of_unrest() -> None:
    short = {"steady": None, "warmup": {"count": 2}}
    found = judge(a_case(rounds=2), [a_round({"steady": True}), a_round(short)], [], {})
    assert not found.unstable
    assert [flag.severity for flag in found.flags if flag.name == "steadiness_unknown"] == ["info"]
    # Another tool's warm-up, and a protocol that asks for no test.
    assert "steadiness_unknown" not in flags(a_round({"steady": None}))
    assert "steadiness_unknown" not in flags(a_round(short), protocol=load_protocol("paper"))


@pytest.mark.parametrize(
    ("fingerprint", "answer"),
    [
        ({}, "unknown"),
        ({"linux": {"frequency": {"min_khz": 800, "max_khz": 3000}}}, "no"),
        ({"linux": {"frequency": {"min_khz": 3000, "max_khz": 3000}}}, "yes"),
        ({"android": {"frequency": {"min_khz": 300}}}, "unknown"),
        ({"jetson": {"clocks_locked": "yes"}, "linux": {"frequency": {"min_khz": 1, "max_khz": 2}}}, "yes"),
        ({"jetson": {"clocks_locked": "unknown"}}, "unknown"),
    ],
)
def test_whether_the_clocks_could_move(fingerprint: dict[str, Any], answer: str) -> None:
    assert clocks_locked(fingerprint) == answer


def test_verdicts_name_the_slowest_pinned_core() -> None:
    falling = [
        Reading(f"cpu{core}", "frequency", 3e9 if core != 1 or moment < 20 else 2e9, "Hz", moment * SECOND)
        for moment in range(40)
        for core in (0, 1)
    ]
    assert judge(a_case(), [a_round()], falling, {}).verdicts["throttled"] == "yes"
    only_another = [one for one in falling if one.source == "cpu0"]
    assert judge(a_case(), [a_round()], only_another, {}).verdicts["throttled"] == "unknown"


def test_the_case_knows_its_graph() -> None:
    found = judge(a_case(runtime="torch-cuda", runtime_options={"cuda_graph": True}), [_gpu_round(7.9)], [], {}).flags
    assert "try a CUDA graph" not in next(flag.remedy or "" for flag in found if flag.name == "enqueue_bound")
