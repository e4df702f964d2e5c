"""How long an export still takes, by the exports that the cache holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.export import ExportOptions, export_artifact
from latency_bench.harness.export.cache import ArtifactCache
from latency_bench.harness.export.time_left import COMPLETE, ExportClock, earlier_exports
from latency_bench.model_specs import load_spec


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_what_is_left_as_a_stage_begins() -> None:
    earlier = [
        {"building": 0.0, "converting": 10.0, COMPLETE: 40.0},
        {"building": 0.0, "converting": 20.0, COMPLETE: 60.0},
    ]
    time = Clock()
    clock = ExportClock(earlier, time)
    assert clock.begin("building") == 50
    time.now_s += 12
    assert clock.begin("converting") == 35
    time.now_s += 3
    assert clock.begin("a stage that those did not have") == 35
    time.now_s += 1000
    assert clock.begin("another one") == 0
    assert clock.complete() == {
        "building": 0,
        "converting": 12,
        "a stage that those did not have": 15,
        "another one": 1015,
        COMPLETE: 1015,
    }


def test_nothing_is_foretold_where_nothing_is_known() -> None:
    assert ExportClock([], Clock()).begin("building") is None


def manifest(model: str, total_s: Any, format: str = "onnx", size: tuple[int, int] | None = None) -> dict[str, Any]:
    spec = load_spec("b0-cls-r224")
    inputs = (spec if size is None else spec.at(size)).model_dump(mode="json")["inputs"]
    return {"made_from": {"format": format, "spec": {"id": model, "inputs": inputs}}, "stages_s": {COMPLETE: total_s}}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([manifest("b0-cls-r224", 5), manifest("b0-cls-r224", 9, size=(64, 64)), manifest("b3-seg", 90)], [5]),
        ([manifest("b0-cls-r224", 9, size=(64, 64)), manifest("b3-seg", 90)], [9]),
        ([manifest("b1-seg", 30), manifest("b3-seg", 90), manifest("b3-seg", 400, format="tflite")], [30, 90]),
        ([manifest("b0-cls-r224", "long"), {"made_from": None}, {"made_from": {"format": "onnx"}}, {}], []),
    ],
)
def test_the_nearest_exports_count(known: list[dict[str, Any]], expected: list[float]) -> None:
    found = earlier_exports(known, load_spec("b0-cls-r224"), "onnx")
    assert [one[COMPLETE] for one in found] == expected


def test_a_second_export_says_how_long_it_takes(tiny_spec: Callable[[], Any], tmp_path: Path) -> None:
    cache, stages = ArtifactCache(tmp_path / "cache"), list[str]()
    export_artifact(tiny_spec(), "onnx", cache=cache, progress=lambda line: None)
    ((_, first),) = cache.manifests()
    assert first["stages_s"]["building the module"] + first["stages_s"][COMPLETE] > 0
    export_artifact(tiny_spec(), "onnx", ExportOptions(seed=1), cache, stages.append)
    assert stages
    assert all(re.match(r"exporting tiny to onnx, about \d+ s left: ", stage) for stage in stages), stages
