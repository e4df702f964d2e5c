"""Pages of docs/ about values: they are those of their rows, the rows show what is promised, and they are computed."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import check_sight
import converter_trial
import half_precision
from kept_rows import append, read_rows

from latency_bench.model_specs.architectures.efficientvit import attention_formulas
from latency_bench.model_specs.architectures.efficientvit.attention import MultiScaleLinearAttention
from latency_bench.model_specs.catalog import load_spec

SMALL = (64, 128)


@pytest.mark.parametrize("script", [check_sight, converter_trial, half_precision], ids=lambda script: script.__name__)
def test_a_page_is_that_of_its_rows(script: ModuleType) -> None:
    rows = read_rows(script.ROWS, script.Row)
    assert rows
    assert script.PAGE.read_text(encoding="utf-8") == script.page(rows)


def test_a_case_that_was_tried_twice_counts_once_and_models_of_every_runtime_have_a_table() -> None:
    row = converter_trial.Row("timm:a", "litert", converter_trial.FAILED, None, "no room")
    again = dataclasses.replace(row, outcome=converter_trial.PASSED, error=1e-6, reason="")
    other, further = dataclasses.replace(again, model="timm:b"), dataclasses.replace(again, runtime="mnn")
    everything, few = (converter_trial.page(rows) for rows in ([row, again, other, further], [row, again, other]))
    assert "`litert`: 2 of 2" in few
    assert "no room" not in few
    assert "every runtime" not in few.partition("| model")[0].split("\n", 1)[1]
    first, _, second = everything.partition("## One runtime")
    assert "| `timm:a` |" in first
    assert "| `timm:b` |" not in first
    assert "| `timm:b` |" in second
    assert "mnn" not in second


def test_no_outputs_for_another_input_passed_in_any_model() -> None:
    assert check_sight.blind_passes(read_rows(check_sight.ROWS, check_sight.Row)) == []


def test_half_precision_holds_wherever_it_was_computed() -> None:
    rows = read_rows(half_precision.ROWS, half_precision.Row)
    assert [row.case for row in rows if not row.holds] == []
    assert {row.weights for row in rows} == {half_precision.SEEDED, half_precision.TRAINED_LIKE}


def test_rows_go_on_behind_a_line_that_was_cut_off(tmp_path: Path) -> None:
    rows = read_rows(check_sight.ROWS, check_sight.Row)[:2]
    file = tmp_path / "rows.jsonl"
    append(file, rows[0])
    file.write_text(file.read_text() + json.dumps(dataclasses.asdict(rows[1]))[:20])
    assert read_rows(file, check_sight.Row) == rows[:1]
    append(file, rows[1])
    assert read_rows(file, check_sight.Row) == rows


def test_a_model_is_looked_at_in_every_precision_and_what_does_not_run_is_told() -> None:
    spec = load_spec("b0-cls-r224")
    row = check_sight.looked_at(spec, 64)
    assert row.size == "64x64"
    assert set(row.right.values()) == {check_sight.PASSED}
    assert check_sight.PASSED not in row.another.values()
    no_such = {**spec.arguments, "backbone": "b9"}
    wrong = check_sight.looked_at(spec.model_copy(update={"arguments": no_such}), 64)
    assert (wrong.right, check_sight.blind_passes([wrong])) == ({}, [])
    assert "b9" in wrong.reason
    assert wrong.reason in check_sight.page([row, wrong])


def with_larger_queries_and_keys(module: nn.Module, factor: float) -> nn.Module:
    """The same network in exact arithmetic: queries and keys are in numerators and denominators alike."""
    for attention in module.modules():
        if isinstance(attention, MultiScaleLinearAttention):
            heads = attention.qkv.weight.unflatten(0, (-1, 3 * attention.head_dim))
            heads[:, : 2 * attention.head_dim].mul_(factor)
    return module


@pytest.mark.parametrize("is_safe", [True, False])
def test_larger_queries_and_keys_change_nothing_and_products_in_half_would_not_stand_them(
    is_safe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    build: Callable[..., Any] = half_precision.build_network
    monkeypatch.setattr(half_precision, "build_network", lambda *spec: with_larger_queries_and_keys(build(*spec), 64.0))
    if not is_safe:
        monkeypatch.setattr(attention_formulas, "_widened", lambda *tensors: tensors)
    row = half_precision.computed(load_spec("b0-seg").at(SMALL), half_precision.SEEDED, images=1)
    assert row.numerator > 65504
    assert row.holds is is_safe


@pytest.mark.slow
@pytest.mark.parametrize("weights", [half_precision.SEEDED, half_precision.TRAINED_LIKE])
@pytest.mark.parametrize("network", half_precision.networks())
def test_every_network_holds_in_half_precision(network: str, weights: str) -> None:
    assert half_precision.computed(load_spec(network).at((256, 512)), weights, images=2).holds
