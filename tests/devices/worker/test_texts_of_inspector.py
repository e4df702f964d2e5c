"""What the inspector of real engines says of their layers, and the precision that they are counted in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench_worker.libraries.engine_layers import layer_precisions

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


@pytest.mark.parametrize(("word", "precision"), [("Float", "float32"), ("Half", "float16"), ("BFloat16", "bfloat16")])
def test_newer_releases_name_the_type_alone(word: str, precision: str) -> None:
    assert layer_precisions(layers([["gemm", [word, word, "Float"], 2]])) == {precision: 2}
