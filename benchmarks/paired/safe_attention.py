"""What the linear attention's products and sums in float32 cost b1-seg: its latency over that of the same network whose
attention stays in half precision, as pairs.

    python benchmarks/paired/safe_attention.py --minutes 3 --budget-minutes 15

In fp32 the two forms are the same graph: that their files have the same operators, each as often, is checked in the
place of a measurement (LiteRT computes in fp32).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from half_form import MODEL
from measured_steps import Effort, Result, Step, main
from pair_steps import SEGMENTATION_SIZE, figures, markdown, measured_pair, words

from latency_bench.harness.export import ExportOptions, export_artifact
from latency_bench.harness.python_module import add_python_module, parse_module_input
from latency_bench.model_specs.catalog import load_spec
from latency_bench.model_specs.errors import UnknownModelError
from latency_bench.model_specs.spec import ModelSpec

NAME = "safe linear attention"
HALF = (("torch", "fp16"), ("torch", "bf16"), ("onnxruntime", "fp16"))
"""Runtimes and precisions in which the two forms differ."""
SINGLE = {"litert": "tflite", "onnxruntime": "onnx"}
"""By runtime the format whose files are compared in fp32."""
_HALF_FORM = f"{MODEL}-half-form"


def steps(effort: Effort) -> list[Step]:
    """The files of fp32, then a pair for each runtime and half precision."""
    same = [Step(f"{runtime} fp32", 0.05, 2, _same_file(format_)) for runtime, format_ in SINGLE.items()]
    pairs = [
        Step(f"{runtime} {precision}", 0.1 + place / 100, effort.minutes + 1, _pair(runtime, precision, effort))
        for place, (runtime, precision) in enumerate(HALF)
    ]
    return [*same, *pairs]


def _pair(runtime: str, precision: str, effort: Effort) -> Callable[[], Result]:
    def measure() -> Result:
        half_form = f"{_half_form().id}@{runtime},precision={precision}"
        safe = f"{MODEL}@{runtime},precision={precision},resolution={SEGMENTATION_SIZE}"
        return figures(measured_pair([half_form, safe], effort))

    return measure


def _same_file(format_: str) -> Callable[[], Result]:
    """Whether the files of both forms have the same operators, each as often."""

    def compare() -> Result:
        safe = load_spec(MODEL).at(_size())
        counted = [export_artifact(spec, format_, ExportOptions()).facts["operators"] for spec in (safe, _half_form())]
        return {"same_operators": counted[0] == counted[1], "operators": counted[0]}

    return compare


def _half_form() -> ModelSpec:
    try:
        return load_spec(_HALF_FORM)
    except UnknownModelError:
        height, width = _size()
        inputs = [parse_module_input(f"3x{height}x{width}")]
        return add_python_module("half_form.py:b1_seg", Path(__file__).parent, {}, inputs, _HALF_FORM)


def _size() -> tuple[int, int]:
    height, width = map(int, SEGMENTATION_SIZE.split("x"))
    return height, width


def table(results: Sequence[Result]) -> str:
    """A row a runtime and precision."""
    rows = []
    for result in results:
        if "ratio" in result:
            rows.append([result["step"], words(result), str(result["pairs"]), f"{result['load_before']:.1f}"])
        else:
            same = "the same operators" if result["same_operators"] else "other operators"
            rows.append([result["step"], same, "-", "-"])
    return markdown(["runtime, precision", "safe over half (95 %)", "pairs of processes", "load before"], rows)


if __name__ == "__main__":
    main([sys.modules[__name__]], __doc__)
