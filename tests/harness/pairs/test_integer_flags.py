"""int8 that is slower than fp32 on the same runtime is said to be, with how much of it stayed in fp32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from latency_bench.harness.pairs.integer_flags import integer_flags
from latency_bench.harness.store.pair_record import PairedEstimate
from latency_bench.harness.store.record import RunRecord

LAYERS = {"precisions": {"int8": 58, "float32": 2}, "conversions": 118}


@pytest.fixture
def side(make_record: Callable[..., RunRecord]) -> Callable[..., RunRecord]:
    def make(precision: str, runtime: str = "litert", **facts: Any) -> RunRecord:
        record = make_record()
        assert record.runtime is not None
        changed = record.runtime.model_copy(update={"name": runtime, "facts": facts})
        model = record.model.model_copy(update={"precision": precision})
        return record.model_copy(update={"model": model, "runtime": changed})

    return make


def _slower(low: float | None, number: int = 1) -> PairedEstimate:
    return PairedEstimate.model_construct(side=number, ratio=1.2, low=low, high=None if low is None else 2.0)


def test_slower_integers_are_said_with_what_stayed_in_floats(side: Callable[..., RunRecord]) -> None:
    sides = [side("fp32"), side("int8", weighted_layers=LAYERS)]
    (flag,) = integer_flags(sides, [_slower(1.1)])
    assert flag.name == "int8_is_slower"
    assert flag.text == (
        "int8 is slower than fp32 on litert here: 58 of 60 layers with weights compute in int8, with 118 conversions "
        "around them"
    )


@pytest.mark.parametrize("low", [None, 0.9, 1.0])
def test_what_is_not_shown_to_be_slower_is_not_said_to_be(side: Callable[..., RunRecord], low: float | None) -> None:
    assert integer_flags([side("fp32"), side("int8")], [_slower(low)]) == []


def test_only_the_same_runtime_in_floats_is_compared_with(side: Callable[..., RunRecord]) -> None:
    for first in (side("int8"), side("fp32", runtime="onnxruntime")):
        assert integer_flags([first, side("int8-dynamic")], [_slower(1.1)]) == []
