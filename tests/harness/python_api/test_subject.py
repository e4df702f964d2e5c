"""What a caller of the Python interface wants measured, as the fields of a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.harness.case_options import options_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.python_api.subject import fields_of


def test_a_file_has_values_sizes_and_a_name() -> None:
    fields = fields_of("net.onnx", {"image": Path("image.npy"), "rate": 16000}, None, "mine", 1)
    options = options_of(
        {**fields, "shapes": {"image": (1, 3, 8, 8)}, "dimensions": {"length": 4}, "original": "old.onnx"}
    )
    assert options.file == (Path("net.onnx"), "onnx")
    assert options.inputs == {"image": "image.npy", "rate": "16000"}
    assert (options.name, options.shapes, options.dimensions) == ("mine", {"image": (1, 3, 8, 8)}, {"length": 4})


def test_a_misspelt_option_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="there is no option 'treads'; did you mean threads"):
        options_of({"model": "b1-seg", "treads": 2})


@pytest.mark.parametrize(
    ("subject", "inputs", "arguments", "words"),
    [
        ("net.onnx", "3x8x8", None, "the inputs of a file are values by name"),
        ("net.tflite", None, {"width": 3}, "arguments build a network from a Python file"),
        ("mynet.py:Net", {"image": 1}, None, "the inputs of a module are sizes"),
        ("b1-seg", "3x8x8", None, "are for a file, a module, or a network in a Python file"),
    ],
)
def test_what_does_not_go_together_is_said(subject, inputs, arguments, words) -> None:
    with pytest.raises(UsageError, match=words):
        fields_of(subject, inputs, arguments, None, 1)
