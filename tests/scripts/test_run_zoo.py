"""Which stored runs the page of all models is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from latency_bench.model_specs import list_specs

STORE = Path(__file__).parents[2] / "results"
DEVICE = "epyc-milan"


@pytest.fixture(scope="module")
def zoo(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/run_zoo.py")


def test_runs_of_the_device_count_whatever_came_of_them_and_numbers_of_others_too(zoo: ModuleType) -> None:
    here = zoo.stored(list_specs(), DEVICE, "litert", [STORE])
    elsewhere = zoo.stored(list_specs(), "another-computer", "litert", [STORE])
    assert here["b1-seg"].record.device.name == DEVICE
    assert here["b1-seg"].record.summary is not None
    assert set(elsewhere) <= set(here)
    failed = {model for model in here if here[model].record.summary is None}
    assert failed
    for model in failed & set(elsewhere):
        assert elsewhere[model].record.device.name != DEVICE
        assert elsewhere[model].record.summary is not None


def test_only_the_model_s_own_resolution_batch_and_precision_count(zoo: ModuleType) -> None:
    for model, run in zoo.stored(list_specs(), DEVICE, "litert", [STORE]).items():
        (spec,) = (spec for spec in list_specs() if spec.id == model)
        assert tuple(run.record.model.resolution) == spec.resolution
        assert (run.record.model.batch, run.record.model.precision) == (1, "fp32")


def test_a_stand_in_counts_only_where_there_is_no_file_for_the_runtime(zoo: ModuleType) -> None:
    stores = [STORE.parent / "docs" / "zoo-runs", STORE]
    specs = {spec.id: spec for spec in list_specs()}
    for model, run in zoo.stored(list(specs.values()), "xeon-avx512", "litert", stores).items():
        if run.record.runtime is not None:
            assert run.record.runtime.name == ("litert" if specs[model].tflite else "onnxruntime")
    assert "b0-cls-r224" in zoo.stored(list(specs.values()), "xeon-avx512", "onnxruntime", stores)


def test_every_model_has_a_row_as_wide_as_the_header_and_what_failed_says_why(zoo: ModuleType) -> None:
    found = zoo.stored(list_specs(), DEVICE, "litert", [STORE])
    for spec in list_specs():
        line = zoo.row(spec, found.get(spec.id), None)
        assert line.startswith(f"| `{spec.id}` |")
        assert line.replace("\\|", "").count("|") == 9
        if spec.id in found and found[spec.id].record.summary is None:
            assert f" | failed | | | | {DEVICE} | " in line
            assert len(line.rsplit(" | ", 1)[1]) > 10
    assert "not finished within 30 minutes" in zoo.row(spec, None, "not finished within 30 minutes")


def test_a_device_is_named_with_its_processor_and_its_protocols(zoo: ModuleType) -> None:
    found = zoo.stored(list_specs(), DEVICE, "litert", [STORE])
    (line,) = (line for line in zoo.devices(found.values()) if line.startswith(f"- `{DEVICE}`: "))
    assert "AMD EPYC" in line
    assert f"with protocol `{DEVICE}`" in line


def test_the_smallest_of_each_family_stands_for_it(zoo: ModuleType) -> None:
    chosen = zoo.smallest_of_each_family(list_specs())
    assert [spec.family for spec in chosen] == list(dict.fromkeys(spec.family for spec in list_specs()))
    assert {"b0-cls-r224", "segnext-t-ade20k"} <= {spec.id for spec in chosen}
