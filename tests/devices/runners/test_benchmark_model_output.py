"""What the tool prints: the recorded outputs of two versions, every form that is known, and anything at all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.benchmark_model_output import ToolOutput, parse_output, parse_statistics

DATA = Path(__file__).parent / "data"
RECORDED = [path.read_text() for path in sorted(DATA.glob("*.std*")) + sorted(DATA.glob("tf2141_*.[oe]*"))]
CLASSIC = (DATA / "litert220_f32_xnn.stdout").read_text()
FULL = "count=50 first=58 curr=57 min=57 max=58 avg=57.2 std=0 p5=57 median=57 p95=58"


def test_the_newer_tool():
    output = parse_output(CLASSIC, (DATA / "litert220_f32_xnn.stderr").read_text())
    assert (output.inference.count, output.inference.median_us, output.inference.mean_us) == (16459, 58, 59.4121)
    assert (output.inference.min_us, output.inference.max_us) == (56, 4090)
    assert output.warmup is not None
    assert output.warmup.count == 7842
    assert (output.init_us, output.first_us, output.memory_delta_mb) == (6817, 82, 6.125)
    assert [(one.delegate, one.full, one.kernels) for one in output.delegations] == [("XNNPACK", True, None)]
    assert (output.typical_us, output.statistic, output.generation) == (58, "median", "classic")


def test_the_older_tool_has_a_mean_only():
    output = parse_output((DATA / "tf2141_f32.out").read_text(), (DATA / "tf2141_f32.err").read_text())
    assert (output.typical_us, output.statistic) == (11136.1, "mean")
    assert output.inference.median_us is None
    assert output.delegations == ()


def test_a_partial_delegation_is_seen():
    (one,) = parse_output((DATA / "litert220_csv.stdout").read_text()).delegations
    assert (one.full, one.kernels) == (False, 1)


@pytest.mark.parametrize(("name", "kernels"), [("tf2141_xnn_partial.out", 3), ("tf2141_xnn_none.out", 0)])
def test_the_older_tool_with_xnnpack(name, kernels):
    (one,) = parse_output((DATA / name).read_text()).delegations
    assert (one.delegate, one.full, one.kernels) == ("XNNPACK", False, kernels)


def _compiled(name: str) -> ToolOutput:
    texts = [DATA / f"litert220_cm_{name}.{stream}" for stream in ("stdout", "stderr")]
    return parse_output(*(path.read_text() for path in texts))


def test_the_compiled_model_tool():
    """LiteRT 2.2.0's, built from its sources against the runtime library of the package ai-edge-litert 2.2.0."""
    output = _compiled("f32")
    assert output.warmup is not None
    assert (output.warmup.count, output.inference.count) == (5, 20)
    assert (output.inference.median_us, output.inference.mean_us, output.inference.max_us) == (137, 945.6, 8251)
    assert (output.statistic, output.generation, output.delegations) == ("median", "compiled-model", ())
    assert output.init_us is not None
    assert output.memory_delta_mb is not None
    assert 0 < output.init_us < 1e6
    assert 0 < output.memory_delta_mb < 100
    once = _compiled("one")
    assert (once.inference.count, once.typical_us, once.statistic) == (1, 156, "median")


def test_a_build_of_it_that_prints_its_block_alone():
    block = (DATA / "litert220_cm_f32.stderr").read_text()
    alone = parse_output(block)
    assert (alone.inference.count, alone.statistic, alone.generation) == (20, "mean", "compiled-model")
    assert alone.typical_us == pytest.approx(_compiled("f32").inference.mean_us, abs=5), "it has two decimals of a ms"


@pytest.mark.parametrize("name", ["litert220_gpu.stdout", "tf2141_csv.out", "litert220_cm_unconsumed.stdout"])
def test_an_ignored_flag_is_a_failure(name):
    with pytest.raises(WorkerError, match="ignored --use_") as caught:
        parse_output((DATA / name).read_text())
    assert caught.value.kind == "runtime-failed"


@pytest.mark.parametrize(
    ("line", "count", "median_us"),
    [
        ("count=1 curr=7340", 1, 7340),
        ("INFO: count=50 curr=57(all same)", 50, 57),
        ("count=50 curr=57 (all same)", 50, 57),
        ("count=1 curr=7340 p5=7340 median=7340 p95=7340", 1, 7340),
        ("INFO: count=50 curr=57(all same) p5=57 median=57 p95=57", 50, 57),
        ("count=3 first=1e8 curr=1e8 min=1.1e+08 max=1.11e+08 avg=1.10911e+08 std=5", 3, None),
        (FULL, 50, 57),
    ],
)
def test_every_known_form(line, count, median_us):
    statistics = parse_statistics(line)
    assert (statistics.count, statistics.median_us) == (count, median_us)


@pytest.mark.parametrize(
    "line",
    [
        "count=0",
        "count=",
        "count=5 curr=3",
        "count=50 first=58 curr=57 min=57 max=58",
        "count=50 first=58 curr=57 min=57 max=58 avg=nan std=0",
        "count=50 first=58 curr=57 min=57 max=58 avg=99 std=0",
        "count=50 first=58 curr=57 min=58 max=57 avg=57.5 std=0",
        "count=50 first=58 curr=57 min=57 max=58 avg=57.2 std=0 median=60",
        "count=50 curr=5x7(all same)",
        "count=50 curr=57 p5=57 median=57 p95=57",
        "count=50 curr=57(all same) p5=57 median=58 p95=57",
        "count=1.5 curr=7",
        "count=1 curr=1e400",
        "count=1 curr=-3",
        "count=1 curr=7 curr=8",
        FULL + " and=more",
    ],
)
def test_a_line_that_is_not_understood_is_an_error_with_its_text(line):
    with pytest.raises(WorkerError) as caught:
        parse_statistics(line)
    assert line.split()[0] in caught.value.message


def test_a_missing_line_is_an_error():
    without = "\n".join(line for line in CLASSIC.splitlines() if "count=16459" not in line)
    with pytest.raises(WorkerError, match="1 lines of statistics for 2 stages"):
        parse_output(without)
    with pytest.raises(WorkerError, match="0 lines"):
        parse_output("")


def test_a_contradiction_is_an_error():
    with pytest.raises(WorkerError, match="contradicts itself"):
        parse_output(CLASSIC.replace("Inference (avg): 59.4121", "Inference (avg): 39.4121"))


def _examples(test):
    for text in RECORDED:
        test = example(text)(test)
    return test


@_examples
@given(st.text())
def test_any_text_is_a_result_or_an_error_of_ours(text):
    try:
        output = parse_output(text)
    except WorkerError:
        return
    assert output.inference.count > 0
    assert math.isfinite(output.typical_us)
    assert output.inference.min_us <= output.typical_us * 1.001


@given(st.integers(0, len(CLASSIC)), st.integers(0, 40), st.text(max_size=10))
def test_a_damaged_output_is_consistent_or_an_error(start, length, inserted):
    damaged = CLASSIC[:start] + inserted + CLASSIC[start + length :]
    try:
        output = parse_output(damaged)
    except WorkerError:
        return
    assert output.inference.count > 0
    assert 0 < output.inference.min_us <= output.typical_us <= output.inference.max_us


@given(st.text(alphabet="0123456789.eE+-=nacvgminmaxfirstcurrpd ()", max_size=120).map(lambda text: "count=" + text))
def test_any_statistics_line_is_consistent_or_an_error(line):
    try:
        statistics = parse_statistics(line)
    except WorkerError:
        return
    assert statistics.count > 0
    assert statistics.min_us <= statistics.max_us
    assert statistics.median_us is None or statistics.min_us <= statistics.median_us <= statistics.max_us
