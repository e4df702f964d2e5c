"""docs/agreement.md: what it says of published places, and of runs that were measured here."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.store.columns.registry import columns
from latency_bench.reports.agreement.own_series import own_series
from latency_bench.reports.agreement.series import Series
from latency_bench.reports.paired_ratios import PairedRatios, PairedSpeedUp


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/agreement_page.py")


@pytest.fixture(scope="module")
def printed(script: ModuleType) -> list[Series]:
    found: list[Series] = script.published()
    return found


def test_the_page_is_what_the_tables_say(script: ModuleType, printed: list[Series]) -> None:
    """With the runs that ship with it."""
    rows, paired = script.stored(script.RUNS)
    text, _ = script.page(printed, own_series(rows, paired), rows)
    assert script.PAGE.read_text(encoding="utf-8") == text, "run `python scripts/agreement_page.py`"


@pytest.mark.slow
def test_its_figure_is_what_the_tables_say_too(script: ModuleType) -> None:
    assert script.main(["--check"]) == 0


def test_every_two_devices_that_are_asked_about_have_an_answer(script: ModuleType, printed: list[Series]) -> None:
    text, _ = script.page(printed, [], [])
    assert "### Measured here" not in text
    for first, second in (("iPhone 13", "Pixel"), ("iPhone 13", "V100"), ("Pixel", "V100")):
        lines = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ") and first in line]
        mine = [line for line in lines if len(line) == 4 and first in line[0] and second in line[1]]
        assert mine, f"nothing is said of {first} and {second}"
        for line in mine:
            count, words = int(line[2]), line[3].strip()
            assert (count >= 5) == words[-1].isdigit(), "a rank correlation needs five networks"
            assert (count == 0) == (words == "nothing can be said")


def test_each_network_counts_once_in_a_place(printed: list[Series]) -> None:
    pixel = next(one for one in printed if one.name.startswith("Pixel 1 (large core)"))
    assert ("mobilenetv3_large_100", "224x224") in pixel.latencies, "TensorFlow's padding is no network of its own"
    desktop = next(one for one in printed if one.name.startswith("Intel Core i9-10940X"))
    assert not any(name.startswith("tf_") for name, _ in desktop.latencies)


def rows_of(ms: dict[str, float], runtime: str) -> list[dict[str, Any]]:
    """Rows of the run table: one device, one runtime."""
    usual = dict.fromkeys(columns()) | {
        "status": "done",
        "device": "desk",
        "processor": "A desktop's CPU",
        "runner": "worker",
        "runtime": runtime,
        "runtime_version": "1.2",
        "runtime_options": "{}",
        "threads": 1,
        "precision": "fp32",
        "protocol": "quick",
        "batch": 1,
        "height": 224,
        "width": 224,
        "command": f"bench sweep --runtime {runtime} --threads 1",
    }
    return [{**usual, "model": model, "median_ms": value} for model, value in ms.items()]


def test_two_runtimes_of_one_device_are_two_places(script: ModuleType, printed: list[Series]) -> None:
    phone = next(one for one in printed if one.name == "iPhone 13 (iformer)")
    names = [name for name, size in phone.latencies if size == "224x224"][:12]
    ms = {f"timm-{name}": 10 * phone.latencies[name, "224x224"].ms for name in names}
    rows = [*rows_of(ms, "litert"), *rows_of({name: 2 * value for name, value in ms.items()}, "onnxruntime")]
    text, shown = script.page(printed, own_series(rows, PairedRatios()), rows)
    measured = text.partition("### Measured here")[2]
    assert "| desk | A desktop's CPU | litert 1.2 | fp32 | 1 | quick | 12 | 0 |" in measured
    assert "| desk | A desktop's CPU | onnxruntime 1.2 | fp32 | 1 | quick | 12 | 0 |" in measured
    for runtime in ("litert", "onnxruntime"):
        assert f"    bench sweep --runtime {runtime} --threads 1\n" in measured
        assert any(one.first.name == f"desk: {runtime} fp32, 1 thread" for one in shown)
    (between,) = [one for one in shown if one.first.is_measured and one.second.is_measured]
    assert (between.tau, len(between.keys)) == (pytest.approx(1.0), 12)


def test_the_order_is_that_of_pairs_where_there_are_some() -> None:
    """Runs have b before a; beside the same model a takes less time."""
    rows = rows_of({"timm-base": 10.0, "timm-a": 21.0, "timm-b": 20.0, "timm-c": 30.0, "timm-d": 40.0}, "litert")
    key = {row["model"]: CaseKey.of_row(row) for row in rows}
    speed_ups = {"timm-a": 1 / 1.9, "timm-b": 1 / 2.2, "timm-c": 1 / 3.0}
    paired = PairedRatios(
        {
            (key[model], key["timm-base"]): PairedSpeedUp(ratio, 0.98 * ratio, 1.02 * ratio, "")
            for model, ratio in speed_ups.items()
        }
    )
    (series,) = own_series(rows, paired)
    assert series.paired == 4
    found = {name: latency for (name, _), latency in series.latencies.items()}
    assert {name: round(latency.ms, 6) for name, latency in found.items()} == {
        "base": 10.0,
        "a": 19.0,
        "b": 22.0,
        "c": 30.0,
        "d": 40.0,
    }
    assert (found["a"].low, found["a"].high) == pytest.approx((19.0 / 1.02, 19.0 / 0.98))
