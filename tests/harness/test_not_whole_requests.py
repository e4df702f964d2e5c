"""Runs of tools that are not ours: less than a whole request is timed, and there are no outputs to check."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from rich.console import Console

from latency_bench.devices.runners.base import WHOLE_REQUEST, Columns, RoundResult
from latency_bench.harness.cli.rendering import fidelity_line, render_result
from latency_bench.harness.fidelity.check import check_fidelity
from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.probe_verdicts import ask_probes
from latency_bench.harness.run_data import Round
from latency_bench.harness.store.outcome import FidelityRecord, Summary

COVERS = "inference only (Invoke), the input copied before; a sample is the median of 20 inferences of one process"

_ARTIFACT: Any = SimpleNamespace(reference="reference.npz", check_references={})


def _round(**changes: Any) -> Any:
    nothing = Columns(np.empty(0, np.int64), np.empty(0, np.int64))
    fields: dict[str, Any] = {"hello": {}, "loaded": {}, "done": {}, "outputs": None, "log": "", **changes}
    return Round(0, 0, None, RoundResult(nothing, nothing, **fields))  # type: ignore[arg-type]


def _with_covers(record: Any, covers: str) -> Any:
    return record.model_copy(update={"summary": record.summary.model_copy(update={"latency_covers": covers})})


def test_a_whole_request_is_the_default_here_and_in_older_records():
    assert Summary.model_fields["latency_covers"].default == WHOLE_REQUEST
    assert _round().result.latency_covers == WHOLE_REQUEST


def test_the_rendered_result_says_what_the_record_says(make_record):
    out = io.StringIO()
    render_result(_with_covers(make_record(), COVERS), "/results/x", Console(file=out, width=200))
    assert COVERS in out.getvalue()
    assert "whole request" not in out.getvalue()


def test_programs_are_told_too(make_record):
    assert make_record().to_result_json("x")["latency_covers"] == WHOLE_REQUEST
    assert _with_covers(make_record(), COVERS).to_result_json("x")["latency_covers"] == COVERS


def test_a_comparison_sees_that_two_latencies_are_not_the_same_quantity(make_record):
    record = make_record()
    found = differences(conditions_of(record), conditions_of(_with_covers(record, COVERS)))
    assert any("latency covers" in text for text in found.obstacles)
    same = differences(conditions_of(record), conditions_of(record))
    assert not (*same.details, *same.obstacles)


def test_a_runner_without_outputs_is_not_called_checked():
    record = check_fidelity(None, _ARTIFACT, None, no_outputs_because="it gives none")  # type: ignore[arg-type]
    assert (record.passed, record.reason) == (None, "it gives none")
    assert fidelity_line(record).plain == "not checked: it gives none"


def test_outputs_that_should_be_there_and_are_not_still_fail():
    assert check_fidelity(None, _ARTIFACT, None).passed is False  # type: ignore[arg-type]


def test_not_checked_needs_a_reason_and_has_no_metrics():
    with pytest.raises(ValidationError, match="has to be a reason"):
        FidelityRecord(passed=None)
    with pytest.raises(ValidationError, match="cannot be metrics"):
        FidelityRecord(passed=None, reason="why", metrics={"logits": {"cosine": 1.0}})


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [(0, 1, "yes"), (3, 0, "yes"), (0, 0, "unknown"), (None, None, "unknown")]
)
def test_a_thermal_status_above_none_is_throttling(before, after, verdict):
    def condition(status: int | None) -> dict[str, int]:
        return {} if status is None else {"thermal_status": status}

    one = _round(hello={"condition_before": condition(before)}, done={"condition_after": condition(after)})
    assert ask_probes({"android": {}}, [one]).throttling.verdict == verdict
