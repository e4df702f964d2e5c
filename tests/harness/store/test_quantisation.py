"""How much of a run computes in integers, from facts of any shape."""

from __future__ import annotations

import pytest

from latency_bench.devices.precisions import find_precision
from latency_bench.harness.store.quantisation import Quantisation

LAYERS = {"precisions": {"int8": 58, "float32": 2}, "conversions": 118}


def test_layers_in_integers_are_counted_and_said() -> None:
    known = Quantisation.of_facts({"weighted_layers": LAYERS}, {"calibration": {"source": "seeded", "requests": 4}})
    assert known == (60, 58, 118, "seeded")
    assert known.text() == "58 of 60 layers with weights compute in int8, with 118 conversions around them"


@pytest.mark.parametrize(
    ("runtime", "artifact"),
    [
        ({}, {}),
        (None, None),
        ("text", ["list"]),
        ({"weighted_layers": "many"}, {"calibration": "seeded"}),
        ({"weighted_layers": {"precisions": {"int8": -1, "float32": True}, "conversions": "2"}}, {"calibration": {}}),
    ],
)
def test_what_is_not_told_is_not_known(runtime: object, artifact: object) -> None:
    known = Quantisation.of_facts(runtime, artifact)
    assert known == (None, None, None, None)
    assert known.text() is None


def test_a_graph_without_integers_has_none() -> None:
    known = Quantisation.of_facts({"weighted_layers": {"precisions": {"float32": 3}}}, {})
    assert known.text() == "0 of 3 layers with weights compute in int8"


def test_precisions_are_known_by_their_former_names() -> None:
    assert find_precision("int8-weights") is find_precision("int8-dynamic")
