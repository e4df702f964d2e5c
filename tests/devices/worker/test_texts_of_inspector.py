"""What the inspector of real engines says of their layers, and the precision that they are counted in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench_worker.libraries.engine_layers import layer_facts, layer_precisions

ENGINES = json.loads((Path(__file__).parents[1] / "nvidia_texts/inspector.json").read_text(encoding="utf-8"))
PRECISIONS = {
    "ResNet, fp16, A100": {"float16": 23},
    "ResNet, fp32, A100": {"float32": 23},
    "ResNet, int8, A100": {"int8": 21, "float16": 1, "float32": 1},
    "ResNet of TensorFlow, fp16, RTX 3090": {"float16": 57, "float32": 1},
    "MobileNet, int8": {"int8": 53, "float16": 1},
}


def layers(rows: list[Any]) -> list[dict[str, Any]]:
    return [
        {"Name": kind, "LayerType": kind, "Inputs": [{"Format/Datatype": one} for one in formats], "Outputs": []}
        for kind, formats, count in rows
        for _ in range(count)
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_layers_of_an_engine_count_in_what_they_compute_in(engine: str) -> None:
    assert layer_precisions(layers(ENGINES[engine])) == PRECISIONS[engine]


def test_the_share_of_layers_with_weights_in_int8_is_told() -> None:
    """Of convolutions by their kind, of others by the weights that the inspector names; reformats count apart."""
    mixed = layers([["CaskConvolution", ["Thirty-two wide channel vectorized row major Int8 format"], 2],
                    ["CaskConvolution", ["Row major linear FP32"], 1], ["gemm", ["Row major linear FP32"], 4],
                    ["Reformat", ["Row major linear FP32"], 3]])  # fmt: skip
    mixed[3]["Weights"] = {"Type": "Float", "Count": 4096}
    told = layer_facts(mixed)["weighted_layers"]
    assert told == {"precisions": {"float32": 2, "int8": 2}, "conversions": 3}
    assert layer_facts(layers(ENGINES["ResNet, int8, A100"]))["weighted_layers"]["precisions"] == {"int8": 21}
    assert "weighted_layers" not in layer_facts(layers([["gemm", ["Half"], 2]]))
    assert layer_facts(["conv", "reformat"]) == {}


@pytest.mark.parametrize(("word", "precision"), [("Float", "float32"), ("Half", "float16"), ("BFloat16", "bfloat16")])
def test_newer_releases_name_the_type_alone(word: str, precision: str) -> None:
    assert layer_precisions(layers([["gemm", [word, word, "Float"], 2]])) == {precision: 2}


def test_what_the_compiler_of_newer_releases_makes_of_a_transformer_counts_by_what_it_computes() -> None:
    """Its fused kernels are called kgen; between streams it has signals and waits, which have no tensors."""
    rows = [
        *(["signal", [], 2], ["wait", [], 2], ["kgen", ["Half", "Half"], 3], ["kgen", ["Bool", "Float"], 1]),
        *(["gemm", ["Half", "Half"], 2], ["kgen", ["Int64"], 1], ["shape_call", [], 1]),
    ]
    assert layer_precisions(layers(rows)) == {"float16": 5, "float32": 1}
