"""What is done ahead of measuring, and what must not be done beside it."""

from __future__ import annotations

import dataclasses
import threading

import clock_free_device
import pytest

from latency_bench.devices import parts
from latency_bench.devices.transports.local import LocalTransport
from latency_bench.harness.campaign import ahead
from latency_bench.harness.campaign.ahead import ExportAhead
from latency_bench.harness.campaign.campaign_plan import PlannedCase
from latency_bench.harness.case_artifact import Export
from latency_bench.harness.export import ExportOptions
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.rounds import ActiveRun


class AfarTransport(LocalTransport):
    """A device that is not this host, as far as anybody can tell."""


@pytest.fixture
def exported(monkeypatch):
    """Models that are exported ahead, in order, and whether a round was under way."""
    found, measuring = [], threading.Event()

    def export(spec, format_, options, progress):
        assert measuring.wait(10)
        found.append(spec.id)
        if spec.id == "case-0001":
            raise ExportError("not this one")

    def measure(runner, *arguments):
        measuring.set()
        return answered(runner, *arguments)

    answered = clock_free_device.ClockFreeRunner.measure
    monkeypatch.setattr(clock_free_device.ClockFreeRunner, "measure", measure)
    monkeypatch.setattr(ahead, "export_artifact", export)
    monkeypatch.setattr(ActiveRun, "export_of", lambda run, case: Export(case.spec, "onnx", ExportOptions()))
    return found


def on(transport, plan):
    cases = [
        PlannedCase(
            one.key,
            dataclasses.replace(one.case, device=one.case.device.model_copy(update={"transport": transport})),
        )
        for one in plan.cases
    ]
    return dataclasses.replace(plan, cases=tuple(cases))


def test_the_next_blocks_exports_are_made_while_another_device_is_measured(make_plan, run_plan, exported, monkeypatch):
    monkeypatch.setitem(parts._registered, ("transport", "afar"), AfarTransport)
    plan = on("afar", make_plan(6, case_batch=2))
    seen = run_plan(plan)
    case_batches = [
        [planned.case.spec.id for planned in case_batch] for case_batch in plan.case_batches(keys(plan))["clock-free"]
    ]
    assert set(exported) <= {*case_batches[1], *case_batches[2]}
    assert exported[0] == case_batches[1][0]
    assert {attempt.status for attempt in seen.of("attempted")} == {"done"}, "a failing export stops nobody here"


def test_nothing_is_exported_while_this_computer_is_measured(make_plan, run_plan, exported):
    run_plan(make_plan(6, case_batch=2))
    assert exported == []


def test_leaving_with_an_error_does_not_wait_for_exports(monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def export(spec, format_, options, progress):
        begun.set()
        assert may_end.wait(10)
        progress("next stage")
        pytest.fail("it went on after everybody had left")

    monkeypatch.setattr(ahead, "export_artifact", export)

    def leave_once_an_export_runs():
        with ExportAhead([Export(None, "onnx", ExportOptions())] * 2):  # type: ignore[arg-type]
            assert begun.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave_once_an_export_runs()
    may_end.set()


def test_engines_are_built_before_the_first_round(make_plan, run_plan, monkeypatch):
    asked = []

    def measure(runner, transport, deployment, request, *rest):
        asked.append((deployment.sha256, request.sampling["max_count"], request.throughput))
        return answered(runner, transport, deployment, request, *rest)

    answered = clock_free_device.ClockFreeRunner.measure
    monkeypatch.setattr(clock_free_device.ClockFreeRunner, "measure", measure)
    (declared,) = clock_free_device.ClockFreeRunner.RUNTIMES
    monkeypatch.setattr(declared, "BUILDS_ENGINES", True)
    run_plan(make_plan(2))
    assert [count == 1 for _, count, _ in asked] == [True, True, False, False, False, False]
    assert len({sha256 for sha256, _, _ in asked[:2]}) == 2


def keys(plan):
    return frozenset(planned.key for planned in plan.cases)
