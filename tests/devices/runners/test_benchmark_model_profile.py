"""The profile's table, read from the right."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.benchmark_model_profile import parse_profile

DATA = Path(__file__).parent / "data"
NEW, OLD = ((DATA / name).read_text() for name in ("litert220_prof.csv", "tf2141_prof.csv"))


def test_types_with_commas_are_read():
    operators = parse_profile(NEW)
    assert len(operators) == 9
    assert (operators[2].type, operators[2].mean_ms, operators[2].calls) == (
        "Fully Connected (NC, QS8, QC8W) GEMM",
        0.008,
        1,
    )
    assert operators[2].name == "Delegate/Fully Connected (NC, QS8, QC8W) GEMM:2"
    assert sum(one.share for one in operators) == pytest.approx(1, abs=1e-4)


def test_the_older_tool_and_its_regular_runs_not_its_initialisation():
    operators = parse_profile(OLD)
    assert [one.type for one in operators][:2] == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert len(operators) == 8


def test_a_line_that_does_not_parse_is_an_error_with_its_text():
    with pytest.raises(WorkerError, match=r"does not parse: 'MEAN, 0\.012"):
        parse_profile(OLD.replace("MEAN, 0.012, 0.00850442, 0.109348%", "MEAN, 0.012, nonsense, 0.109348%"))
    with pytest.raises(WorkerError, match="does not list operators"):
        parse_profile("")
    with pytest.raises(WorkerError, match="a header that bench does not know"):
        parse_profile(OLD.replace("times called, name", "name"))


@example(NEW)
@example(OLD)
@given(st.text())
def test_any_text_is_a_profile_or_an_error_of_ours(text):
    try:
        operators = parse_profile(text)
    except WorkerError:
        return
    assert all(one.mean_ms >= 0 for one in operators)


@given(st.integers(0, len(NEW)), st.integers(0, 30), st.text(max_size=8))
def test_a_damaged_profile_is_a_profile_or_an_error_of_ours(start, length, inserted):
    with contextlib.suppress(WorkerError):
        parse_profile(NEW[:start] + inserted + NEW[start + length :])
