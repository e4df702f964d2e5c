"""From what the rounds left behind to flags and verdicts: load of the host, cores that were taken away, enqueueing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.probes.linux import LinuxProbe
from latency_bench.devices.probes.readings import (
    CPU_TIME_BUSY,
    FREQUENCY,
    QUOTA_PERIODS,
    QUOTA_PERIODS_STOPPED,
    Reading,
)
from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.case import Case
from latency_bench.harness.protocol import CoolDown, load_protocol
from latency_bench.harness.run_data import Round
from latency_bench.harness.run_verdicts import judge
from latency_bench.harness.statistics.steadiness import Steadiness, Verdict
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
    readings: Sequence[Reading] = (),
    hello: dict[str, Any] | None = None,
    sampled_s: tuple[int, int] | None = None,
    telemetry_error: str | None = None,
    steadiness: Verdict | None = None,
    **columns: Any,
) -> Round:
    """Ten seconds of requests of 10 ms; `busy_cores` of the device are busy meanwhile."""
    count = 1000
    latency = np.full(count, 10 * MS) + np.arange(count) % 7
    samples = Columns(np.arange(count) * 10 * MS, latency, **columns)
    if busy_cores is not None:
        readings = [CPU_TIME_BUSY.of("cpu", busy_cores * moment).at(moment * SECOND) for moment in range(11)]
    result = RoundResult(
        warmup=samples,
        samples=samples,
        hello={"pid": 1, "cpus": [1], **(hello or {})},
        loaded=loaded or {},
        done={"steady": True, "elapsed_ns": 10 * SECOND, **(done or {})},
        outputs=None,
        log="",
        sampled_unix_ns=None if sampled_s is None else (sampled_s[0] * SECOND, sampled_s[1] * SECOND),
    )
    verdict = None if steadiness is None else Steadiness(steadiness, 0, None, None, (), "as the test says")
    return Round(
        0,
        0,
        None,  # type: ignore[arg-type]
        result,
        list(readings),
        telemetry_error=telemetry_error,
        steadiness=verdict,
    )


def flags(*rounds: Round, **changes: Any) -> dict[str, str]:
    """Texts by name, but for the one that so few rounds always raise."""
    found = judge(a_case(**changes), rounds, {}).flags
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


def test_rounds_that_were_not_steady_make_the_run_unstable() -> None:
    steady, drifting = a_round(steadiness="steady"), a_round(steadiness="drifting")
    assert judge(a_case(rounds=2), [steady, drifting], {}).unstable
    assert not judge(a_case(rounds=3), [steady, steady, drifting], {}).unstable
    assert not judge(a_case(rounds=2), [steady, steady], {}).unstable


def test_a_minority_of_rounds_that_drift_is_said_all_the_same() -> None:
    rounds = [a_round(steadiness=verdict) for verdict in ("steady", "steady", "stepping")]
    found = [flag for flag in judge(a_case(rounds=3), rounds, {}).flags if flag.name == "unstable"]
    assert [(flag.severity, flag.text) for flag in found] == [
        ("warning", "the latency changed its level during 1 of 3 rounds (1 stepping)")
    ]


def test_too_little_to_tell_is_no_sign_of_unrest() -> None:
    found = judge(a_case(rounds=2), [a_round(steadiness="steady"), a_round(steadiness="unknown")], {})
    assert not found.unstable
    assert [flag.severity for flag in found.flags if flag.name == "steadiness_unknown"] == ["info"]


@pytest.mark.parametrize(
    ("fingerprint", "answer"),
    [
        ({}, "unknown"),
        ({"linux": {"frequency": {"min_khz": 800, "max_khz": 3000}}}, "no"),
        ({"linux": {"frequency": {"min_khz": 3000, "max_khz": 3000}}}, "yes"),
        ({"android": {"frequency": {"min_khz": 300}}}, "unknown"),
        ({"jetson": {"clocks_locked": "yes"}}, "yes"),
        ({"jetson": {"clocks_locked": "yes"}, "linux": {"frequency": {"min_khz": 1, "max_khz": 2}}}, "no"),
        ({"jetson": {"clocks_locked": "yes"}, "linux": {"frequency": {"min_khz": 2, "max_khz": 2}}}, "yes"),
        ({"jetson": {"clocks_locked": "unknown"}}, "unknown"),
    ],
)
def test_whether_the_clocks_could_move(fingerprint: dict[str, Any], answer: str) -> None:
    assert judge(a_case(), [a_round()], fingerprint).verdicts["clocks_locked"] == answer


def test_verdicts_name_the_slowest_pinned_core() -> None:
    falling = [
        FREQUENCY.of(f"cpu{core}", 3000 if core != 1 or moment < 20 else 2000).at(moment * SECOND)
        for moment in range(40)
        for core in (0, 1)
    ]
    assert judge(a_case(), [a_round(readings=falling)], {}).verdicts["throttled"] == "yes"
    only_another = [one for one in falling if one.source == "cpu0"]
    assert judge(a_case(), [a_round(readings=only_another)], {}).verdicts["throttled"] == "unknown"


def test_the_case_knows_its_graph() -> None:
    found = judge(a_case(runtime="torch-cuda", runtime_options={"cuda_graph": True}), [_gpu_round(7.9)], {}).flags
    assert "try a CUDA graph" not in next(flag.remedy or "" for flag in found if flag.name == "enqueue_bound")


def _clock(moments: Iterable[int], mhz: float = 3000.0) -> list[Reading]:
    return [FREQUENCY.of("cpu1", mhz).at(moment * SECOND) for moment in moments]


def test_readings_that_stop_early_show_nothing_of_the_rest() -> None:
    """Twenty-five readings are enough for a verdict, if they cover the sampling."""
    whole = judge(a_case(), [a_round(readings=_clock(range(60)), sampled_s=(0, 60))], {})
    assert whole.verdicts["throttled"] == "no"
    assert "telemetry_incomplete" not in {flag.name for flag in whole.flags}
    part = judge(
        a_case(),
        [a_round(readings=_clock(range(25)), sampled_s=(0, 60), telemetry_error="the link was lost")],
        {},
    )
    assert part.verdicts["throttled"] == "unknown"
    (flag,) = [flag for flag in part.flags if flag.name == "telemetry_incomplete"]
    assert flag.severity == "warning"
    assert "readings of the clock cover 44% of the sampling (limit 90%)" in flag.text
    assert "before the end of 1 round: the link was lost" in flag.text


def test_a_round_that_nobody_watched_counts_as_such() -> None:
    watched = a_round(readings=_clock(range(60)), sampled_s=(0, 60))
    blind = a_round(sampled_s=(100, 160))
    found = judge(a_case(rounds=2), [watched, blind], {})
    assert found.verdicts["throttled"] == "unknown"
    assert "50%" in next(flag.text for flag in found.flags if flag.name == "telemetry_incomplete")


def test_what_was_seen_of_throttling_stands_whatever_was_not_seen() -> None:
    fallen = _clock(range(12)) + _clock(range(12, 25), 2000.0)
    assert judge(a_case(), [a_round(readings=fallen, sampled_s=(0, 60))], {}).verdicts["throttled"] == "yes"


def test_a_device_that_gives_no_readings_raises_no_flag() -> None:
    found = judge(a_case(), [a_round(used(9.9, 0.01), sampled_s=(0, 10))], {"linux": {}})
    assert found.verdicts["throttled"] == "unknown"
    assert "telemetry_incomplete" not in {flag.name for flag in found.flags}


@pytest.mark.parametrize("place", ["condition_before", "condition_after"])
def test_a_hot_phone_has_the_verdict_and_the_flag(place: str) -> None:
    condition = {place: {"thermal_status": 3}}
    told: dict[str, Any] = {"hello": condition} if place == "condition_before" else {"done": condition}
    cool = a_round(readings=_clock(range(60)), sampled_s=(0, 60))
    hot = a_round(readings=_clock(range(60)), sampled_s=(0, 60), **told)
    found = judge(a_case(rounds=2), [cool, hot], {"android": {}})
    assert found.verdicts["throttled"] == "yes"
    (flag,) = [flag for flag in found.flags if flag.name == "throttled"]
    assert "thermal status was severe (3)" in flag.text


@pytest.mark.parametrize("fingerprint", [{}, {"android": {}}])
def test_verdict_and_flag_never_contradict_each_other(fingerprint: dict[str, Any]) -> None:
    for clock in (_clock(range(60)), _clock(range(30)) + _clock(range(30, 60), 2000.0), _clock(range(5)), []):
        for status in (0, 2, "hot", None):
            one = a_round({"condition_after": {"thermal_status": status}}, readings=clock, sampled_s=(0, 60))
            found = judge(a_case(), [one], fingerprint)
            flagged = "throttled" in {flag.name for flag in found.flags}
            assert flagged is (found.verdicts["throttled"] == "yes")


def test_who_let_the_device_cool_down_is_not_told_to() -> None:
    fallen = a_round(readings=_clock(range(30)) + _clock(range(30, 60), 2000.0), sampled_s=(0, 60))
    plain = load_protocol("quick")
    cooled = plain.model_copy(update={"cool_down": CoolDown(below_c=40, max_s=60)})
    for protocol, told in ((plain, True), (cooled, False)):
        found = judge(a_case(protocol=protocol), [fallen], {})
        remedy = next(flag.remedy or "" for flag in found.flags if flag.name == "throttled")
        assert ("let the device cool down" in remedy) is told


def test_a_probe_that_fails_costs_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(run: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(LinuxProbe, "clocks_locked", fail)
    found = judge(a_case(), [a_round()], {"linux": {}})
    assert found.verdicts["clocks_locked"] == "unknown"
    assert "the probe linux could not judge the run" in next(
        flag.text for flag in found.flags if flag.name == "probe_failed"
    )


def _quota_round(stopped: int, busy_cores: float = 0.3) -> Round:
    """A worker that had its core for 30 % of the time, in a container whose quota stopped it so often."""
    counts = [(0, 0), (100, stopped)]
    readings = [
        quantity.of("container", value).at(moment * 10 * SECOND)
        for moment, (periods, periods_stopped) in enumerate(counts)
        for quantity, value in ((QUOTA_PERIODS, periods), (QUOTA_PERIODS_STOPPED, periods_stopped))
    ]
    readings += [CPU_TIME_BUSY.of("cpu", busy_cores * moment).at(moment * SECOND) for moment in range(11)]
    one = a_round(used(3.0, waits_s=7.0), readings=readings)
    # As a quota makes them: some requests wait for the next period.
    one.result.samples.latency_ns[::10] *= 8
    return one


def test_a_quota_is_named_and_not_taken_for_other_programs() -> None:
    found = judge(a_case(), [_quota_round(90)], {"container": {"cpu_quota_cores": 0.3}})
    flags = {flag.name: flag for flag in found.flags}
    assert "quota of 0.3 cores stopped it in 90 of 100 periods" in flags["cpu_quota"].text
    assert "--cpus" in (flags["cpu_quota"].remedy or "")
    assert "foreign_load" not in flags
    assert {"high_spread", "outliers"} <= set(flags)
    assert not any("stop other programs" in (flag.remedy or "") for flag in found.flags)
    # Where others are seen as well, both are said.
    beside = judge(a_case(), [_quota_round(90, busy_cores=2.3)], {"container": {"cpu_quota_cores": 0.3}})
    remedies = {flag.name: flag.remedy or "" for flag in beside.flags}
    assert "stop other programs" in remedies["foreign_load"]
    assert "stop other programs" not in remedies["high_spread"]
    quiet = {flag.name for flag in judge(a_case(), [_quota_round(0)], {"container": {"cpu_quota_cores": 0.3}}).flags}
    assert "cpu_quota" not in quiet
    assert "foreign_load" in quiet
