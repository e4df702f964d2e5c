"""Two runs that differ in any one condition are never called faster or slower: not by the comparison, the gate, the
ratios of a report, the claims or the comparison of attentions."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from latency_bench.harness.cli.compare import comparison_json
from latency_bench.harness.comparing import compare_sets
from latency_bench.harness.gating.stored_gate import gate_stored
from latency_bench.harness.identity.differences import DIMENSIONS, differences
from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.store.reader import StoredRun, read_record
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.run_selection import RunSet
from latency_bench.harness.store.run_table import row_of
from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.writer import RunWriter
from latency_bench.reports.attention_ratios import attention_ratios
from latency_bench.reports.claims.build import build_claims
from latency_bench.reports.evidence import Evidence
from latency_bench.reports.evidence import settings as settings_of
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.rows import rows_of
from latency_bench.reports.tables.quantities import Measurements, speed_up, throughput_gain

RESULTS = Path(__file__).parents[3] / "results"
ROUNDS = 9
JETSON = {
    "device": {
        "name": "orin", "transport": "ssh", "runner": "trtexec",
        "fingerprint": {
            "linux": {"cpu": {"model": "ARMv8"}, "kernel": "5.10.104-tegra", "memory_total_bytes": 31_000_000_000},
            "jetson": {
                "model": "NVIDIA Jetson AGX Orin", "l4t": "35.4.1", "power_mode": "MAXN", "clocks": "locked",
                "clocks_locked": "yes", "packages": {"tensorrt": "8.5.2"}, "power": {"rails": ["VIN"]},
            },
            "tuned": {"power mode": {"before": "MODE_30W", "while_measuring": "MAXN"}},
        },
    },
    "runtime": {
        "name": "tensorrt", "version": "8.5.2", "options": {"threads": 1, "precision": "fp32", "tf32": False},
        "facts": {
            "package": "trtexec", "gpu": "Orin", "flags": ["--loadEngine=/tmp/a"], "layer_precisions": {"fp32": 60},
            "engine": {"size_bytes": 7, "build_ns": 9},
        },
    },
}  # fmt: skip
PHONE = {
    "device": {
        "name": "phone", "transport": "adb", "runner": "benchmark_model",
        "fingerprint": {
            "android": {
                "manufacturer": "Google", "model": "Pixel 8 Pro", "soc": "Tensor G3", "soc_manufacturer": "Google",
                "kernel": "5.15", "memory_total_bytes": 12_000_000_000, "build": "google/husky/1", "android": "14",
                "abi": "arm64-v8a", "frequency": {"governor": "sched_pixel", "min_khz": 324000, "max_khz": 2367000},
                "condition": {
                    "screen": "off", "battery_saver": False, "battery_status": "charging", "powered_by": "USB",
                    "battery_percent": 90, "battery_c": 30.0, "thermal_status": 0, "thermal_word": "none",
                },
                "clusters": [{"cpus": [0, 1, 2, 3], "max_khz": 1704000}], "security_patch": "2026-01-05", "sdk": "34",
                "logical_cpus": 9, "soc_name": "Tensor G3", "link": {"kind": "usb"},
            }
        },
    },
    "runtime": {
        "name": "litert", "version": "benchmark_model 0123456789ab",
        "options": {"threads": 1, "xnnpack": True, "allow_partial": False},
        "facts": {
            "package": "benchmark_model (litert)", "tool": {"path": "/data/t", "sha256": "ab" * 32, "flags": ["--x"]},
            "delegation": {"delegate": "XNNPACK", "full": True, "partitions": 1}, "memory_delta_bytes": 99,
            "sample_is": "median of 50 inferences of one process", "transfer_counted": False,
        },
    },
}  # fmt: skip
SERVER = {
    "device": {
        "name": "a100", "transport": "local", "runner": "worker",
        "fingerprint": {
            "linux": {"cpu": {"model": "AMD EPYC 7763"}, "kernel": "5.15", "frequency": {"governor": "performance"}},
            "nvidia": {
                "driver": "550.54",
                "gpus": [{"model": "NVIDIA A100-SXM4-80GB", "power_limit_w": 400.0, "ecc": 1, "pcie": {"width": 16}}],
            },
        },
    },
    "runtime": {
        "name": "torch-cuda", "version": "2.13.0", "options": {"threads": 1, "mode": "eager", "lab": "x"},
        "facts": {
            "package": "torch", "cuda": "12.4", "layer_precisions": {"float32": 60}, "backend": "of a third party",
            "gpu": {"name": "NVIDIA A100", "driver": 12040, "compute_capability": "8.0",
                    "memory_total_bytes": 80_000_000_000, "library": "torch 2.13.0"},
        },
    },
}  # fmt: skip
NO_CONDITIONS = (
    # What was observed while it was measured, or counts how often it was.
    r"rounds/.*/(version|clock|platform|machine|import_ns|load_ns|warmup|peak_rss_bytes|loop_gap_ns|usage|output_drift)\b",
    r"rounds/.*/(count|elapsed_ns|cool_down|interval_ns|median_ns|timer_resolution_ns|loop_overhead_ns)\b",
    r"rounds/.*/(steadiness|warmup_settled)\b",
    r"protocol/(rounds|campaign_rounds|most_rounds|round_interval|again|order_seed)$",
    r"runtime/facts/(memory_delta_bytes|flags|engine|tool/(path|flags))\b",
    r"fingerprint/linux/load_average_1min$",
    r"fingerprint/android/(condition/(battery_percent|battery_c|thermal_\w+)|link)\b",
    # What follows from a condition.
    r"fingerprint/linux/(os|swap_total_bytes|cpu/(caches|physical_cores|vector_extensions))\b",
    r"fingerprint/jetson/(packages|power|clocks_locked)\b",
    r"fingerprint/android/(security_patch|sdk|logical_cpus|soc_name)$",
    r"fingerprint/tuned\b",
    # A container without limits has no facts; each limit is a condition.
    r"fingerprint/container$",
)
"""Facts of a record that may differ, each for a reason. Any other fact of it is a condition."""


def records() -> Iterator[RunRecord]:
    """Real runs of every runtime in results/, and made-up ones of a Jetson, a phone and a GPU server."""
    seen = set()
    for file in sorted(RESULTS.glob("*/*seg*/*/record.json")) + sorted(RESULTS.glob("*/attn-*/*/record.json")):
        record = read_record(file.parent)
        kind = (record.device.name, record.runtime.name if record.runtime else "")
        if record.summary is not None and kind not in seen:
            seen.add(kind)
            yield record
    of_results = read_record(next(file.parent for file in sorted(RESULTS.glob("epyc-milan/b1-seg/*/record.json"))))
    for changes in (JETSON, PHONE, SERVER):
        content = of_results.model_dump(mode="json")
        content["runtime"] = changes["runtime"]
        content["device"] = changes["device"]
        yield RunRecord.model_validate_json(json.dumps(content))


BASES = [record.model_dump(mode="json") for record in records()]
Place = tuple[str | int, ...]
_FACTS = (
    ("device", "runner"), ("device", "fingerprint"), ("runtime", "version"), ("runtime", "options"),
    ("runtime", "facts"), ("protocol",), ("artifact", "sha256"), ("artifact", "format"),
    ("summary", "latency_covers"), ("model", "weights", "seed"), ("rounds", 0, "facts"),
)  # fmt: skip


def leaves(part: Any, place: Place) -> Iterator[Place]:
    if isinstance(part, dict) and part:
        for name, inner in part.items():
            yield from leaves(inner, (*place, name))
    elif isinstance(part, list) and part and isinstance(part[0], dict):
        for number, inner in enumerate(part):
            yield from leaves(inner, (*place, number))
    else:
        yield place


def at(content: Any, place: Place) -> Any:
    for step in place:
        content = content[step]
    return content


PLACES = [
    (index, place)
    for index, content in enumerate(BASES)
    for start in _FACTS
    for place in leaves(at(content, start), start)
    # The threads are a field of the case: they are named, and are what is asked about.
    if place != ("runtime", "options", "threads")
]


def other_value(draw: Callable[..., Any], value: Any, place: Place) -> Any:
    if place == ("artifact", "sha256"):
        return draw(st.text("0123456789abcdef", min_size=64, max_size=64))
    if place == ("model", "weights", "seed"):
        return draw(st.integers(0, 2**31))
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return draw(st.integers(0, 10**6)) if isinstance(value, int) else draw(st.floats(0.1, 1e6))
    if isinstance(value, list):
        return [*value, draw(st.integers(900, 999))] if value and isinstance(value[0], int) else [*value, "another"]
    return draw(st.text(st.characters(codec="ascii", categories=["L", "Nd"]), min_size=1, max_size=12))


@st.composite
def one_difference(draw: Callable[..., Any]) -> tuple[RunRecord, RunRecord, str]:
    """A run, the same with one fact of it changed, and which."""
    index, place = draw(st.sampled_from(PLACES))
    content = copy.deepcopy(BASES[index])
    old = at(content, place)
    new = other_value(draw, old, place)
    assume(new != old)
    # Facts of rounds are of all of them.
    for number in range(len(content["rounds"])) if place[0] == "rounds" else [0]:
        *way, last = (place[0], number, *place[2:]) if place[0] == "rounds" else place
        at(content, tuple(way))[last] = new
    if isinstance(content["device"].get("conditions"), dict):
        content["device"]["conditions"] = None
    a, b = (RunRecord.model_validate_json(json.dumps(one)) for one in (BASES[index], content))
    return a, b, "/".join(map(str, place))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunRecord, RunRecord], tuple[RunSet, RunSet]]:
    """Two runs of nine rounds, the second half as fast, under the conditions of two records."""
    folders = []
    for number, level_ns in enumerate((100e6, 200e6)):
        random = np.random.default_rng(number)
        blocks = []
        for index in range(ROUNDS):
            latency = (level_ns * np.exp(random.normal(0, 0.003, 40))).astype(np.int64)
            blocks.append(
                StageSamples.of(index, False, {"start_ns": latency.cumsum() - latency, "latency_ns": latency})
            )
        store = tmp_path_factory.mktemp("store")
        content = _with_rounds(BASES[0], blocks)
        with RunWriter(store, content["device"]["name"], content["model"]["id"], content["run_id"]) as writer:
            writer.write_samples(blocks)
            folders.append((writer.commit(RunRecord.model_validate_json(json.dumps(content))), blocks))

    def under(a: RunRecord, b: RunRecord) -> tuple[RunSet, RunSet]:
        runs = []
        for name, record, (folder, blocks) in zip("AB", (a, b), folders, strict=True):
            content = _with_rounds(record.model_dump(mode="json"), blocks)
            content["files"] = read_record(folder).model_dump(mode="json")["files"]
            runs.append(RunSet(name, (StoredRun(folder, RunRecord.model_validate_json(json.dumps(content))),)))
        return runs[0], runs[1]

    return under


def _with_rounds(content: dict[str, Any], blocks: list[StageSamples]) -> dict[str, Any]:
    content = copy.deepcopy(content)
    first = content["rounds"][0]
    medians = [float(np.median(block.latency_ns)) / 1e6 for block in blocks]
    content["rounds"] = [{**first, "index": index, "warmup_count": 0, "sample_count": 40} for index in range(ROUNDS)]
    median = float(np.median(medians))
    content["summary"]["latency"] |= {
        "median_ms": median, "low_ms": None, "high_ms": None, "confidence": None, "n": 40 * ROUNDS, "rounds": ROUNDS,
        "n_effective": None, "min_ms": 1.0, "max_ms": 1e6, "round_medians_ms": medians,
    }  # fmt: skip
    content["summary"] |= {"phases": {}, "throughput": {"img_s": content["model"]["batch"] / median * 1e3}}
    return content


def row(run: RunSet, **changes: Any) -> dict[str, Any]:
    """Its row of the run table."""
    content = run.runs[0].record.model_dump(mode="json")
    for place, value in changes.items():
        part, name = place.split("__")
        content[part][name] = value
    return row_of(RunRecord.model_validate_json(json.dumps(content)))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=one_difference())
def test_every_fact_of_a_record_is_a_condition_or_is_known_not_to_be_one(
    changed: tuple[RunRecord, RunRecord, str],
) -> None:
    a, b, place = changed
    is_exempt = any(re.search(pattern, place) for pattern in NO_CONDITIONS)
    found = differences(conditions_of(a), conditions_of(b))
    assert bool(found.obstacles) != is_exempt, f"{place}: {found}"
    assert found.question is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=one_difference())
def test_neither_comparison_nor_gate_calls_it_faster_or_slower(
    measured: Callable[[RunRecord, RunRecord], tuple[RunSet, RunSet]], changed: tuple[RunRecord, RunRecord, str]
) -> None:
    a, b, _ = changed
    assume(conditions_of(a) != conditions_of(b))
    sides = measured(a, b)
    compared = compare_sets(*sides, 0.03)
    (case,) = comparison_json(compared)["cases"]
    assert case["verdict"] == "cannot be compared"
    assert case["obstacles"]
    (gated,) = gate_stored(*sides, 1.03)
    assert gated.answer == "cannot tell"
    assert case["obstacles"][0] in gated.reason
    # What is meant is compared.
    meant = compare_sets(*sides, 0.03, across=list(DIMENSIONS))
    assert meant.pairs[0].comparison is not None
    assert meant.pairs[0].comparison.verdict == "slower"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=one_difference())
def test_no_report_prints_a_ratio_of_it(
    measured: Callable[[RunRecord, RunRecord], tuple[RunSet, RunSet]], changed: tuple[RunRecord, RunRecord, str]
) -> None:
    a, b, _ = changed
    natural = DIMENSIONS["model"].implies
    unlike = {
        name
        for name in DIMENSIONS
        if conditions_of(a).get(name) != conditions_of(b).get(name) and name not in ("model", *natural)
    }
    assume(unlike)
    sides = measured(a, b)
    for one, other in (
        ("segformer-b5", "l1-seg"),
        ("attn-softmax-module-h8-d16-n256", "attn-relu-linear-module-h8-d16-n256"),
    ):
        rows = [row(sides[0], model__id=one), row(sides[1], model__id=other)]
        for quantity in (speed_up, throughput_gain):
            cell = quantity(rows[0], rows[1])
            assert (cell.value, cell.text) == (None, "not comparable")
            assert " against " in cell.notes[0]
            assert quantity(rows[0], rows[1], across=list(unlike)).value is not None


def _table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows)).sort_values("run_id", ascending=False)


def _pair(a: RunSet, b: RunSet, ids: tuple[str, str], **common: Any) -> list[dict[str, Any]]:
    return [
        {**row(side, model__id=model), "run_id": f"2026112{number}T101500Z-aaaaaa", **common}
        for number, (side, model) in enumerate(zip((a, b), ids, strict=True))
    ]


MAXN, MODE_15W = BASES[-3], copy.deepcopy(BASES[-3])
MODE_15W["device"]["fingerprint"]["jetson"]["power_mode"] = "MODE_15W"


def _records(*contents: dict[str, Any]) -> tuple[RunRecord, ...]:
    return tuple(RunRecord.model_validate_json(json.dumps(content)) for content in contents)


@pytest.mark.parametrize(("other", "is_compared"), [(MAXN, True), (MODE_15W, False)])
def test_a_claim_is_not_judged_across_power_modes(measured: Any, other: dict[str, Any], is_compared: bool) -> None:
    a, b = measured(*_records(other, MAXN))
    runs = _table(*_pair(b, a, ("segformer-b5", "l1-seg")))
    measurements = Measurements(Evidence(runs), tuple(settings_of(runs)))
    table = build_claims(default_paper(), runs, measurements)
    claim = next(
        one for one in table.rows if one.cells[0][0].text.startswith("GPU latency reduction over SegFormer on")
    )
    factor, _, verdict = claim.cells[2]
    if is_compared:
        assert factor.value is not None
        assert verdict.text == "no verdict" or verdict.text.startswith(("reproduced", "same direction", "undecided"))
    else:
        assert (factor.value, verdict.text) == (None, "not comparable")
        assert "power mode" in factor.notes[0]
        assert "MAXN" in factor.notes[0]
        assert "MODE_15W" in factor.notes[0]


@pytest.mark.parametrize(("other", "is_compared"), [(MAXN, True), (MODE_15W, False)])
def test_attentions_are_not_compared_across_power_modes(
    measured: Any, other: dict[str, Any], is_compared: bool
) -> None:
    a, b = measured(*_records(other, MAXN))
    ids = ("attn-softmax-module-h8-d16-n256", "attn-relu-linear-module-h8-d16-n256")
    rows = _pair(a, b, ids, task="attention", macs=1000, height=16, width=16, output=None)
    found = rows_of(attention_ratios(_table(*rows)))
    assert len(found) == 2
    for pair in found:
        assert (pair["ratio"] is not None) == is_compared
        assert ("power mode" in pair["obstacles"]) != is_compared


def test_both_sides_of_a_single_pair_are_named(measured: Any) -> None:
    other = copy.deepcopy(MAXN)
    other["model"]["id"] = "b2-seg"
    for pair in compare_sets(*measured(*_records(MAXN, other)), 0.03).pairs:
        assert pair.name.startswith("b1-seg against b2-seg, orin: tensorrt fp32")
        assert pair.comparison is not None
        assert pair.comparison.verdict == "slower"
    (gated,) = gate_stored(*measured(*_records(MAXN, other)), 1.03)
    assert "b1-seg against b2-seg" in gated.name


def test_two_phones_of_one_name_are_told_apart(measured: Any) -> None:
    other = copy.deepcopy(BASES[-2])
    other["device"]["fingerprint"]["android"]["model"] = "Pixel 9"
    (case,) = comparison_json(compare_sets(*measured(*_records(BASES[-2], other)), 0.03))["cases"]
    assert case["verdict"] == "cannot be compared"
    (obstacle,) = case["obstacles"]
    assert "Pixel 8 Pro against" in obstacle
    assert obstacle.endswith("Pixel 9")
    assert case["across_needed"] == ["device"]


@pytest.mark.parametrize(
    ("fact", "value", "is_compared"),
    [
        ("backend", "Vulkan", False),
        ("fused", True, False),
        ("nodes", 7, True),
        ("weights_sha256", "ab" * 32, True),
        ("delegation", {"full": False, "delegate": "XNNPACK"}, True),
        ("compile_ms", 3.5, True),
    ],
)
def test_what_a_third_partys_runtime_says_of_the_file_may_differ_between_models(
    fact: str, value: Any, is_compared: bool
) -> None:
    other = copy.deepcopy(BASES[-1])
    other["model"]["id"], other["artifact"]["sha256"] = "b2-seg", "cd" * 32
    other["runtime"]["facts"][fact] = value
    found = differences(*map(conditions_of, _records(BASES[-1], other)))
    assert found.question == "model"
    assert (found.obstacles == ()) == is_compared
