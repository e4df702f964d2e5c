from pathlib import Path

import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.pairs.side_text import side_of


def test_a_side_names_what_the_others_do_not() -> None:
    common = {"device": "local", "threads": 1, "precision": "fp32", "runtime": "litert"}
    plain = side_of("b1-seg", common)
    assert (plain.model, plain.runtime, plain.threads) == ("b1-seg", "litert", 1)
    full = side_of("b1-seg@onnxruntime,threads=2,precision=fp16,resolution=512x1024,spin=false", common)
    assert (full.runtime, full.threads, full.precision, full.resolution) == ("onnxruntime", 2, "fp16", (512, 1024))
    assert full.runtime_options == {"spin": False}
    assert side_of("timm:resnet18.a1_in1k@torch", common).model == "timm:resnet18.a1_in1k"


def test_options_that_all_sides_share_are_those_of_their_runtime() -> None:
    common = {"runtime": "litert", "runtime_options": {"xnnpack": False}}
    assert side_of("b1-seg", common).runtime_options == {"xnnpack": False}
    assert side_of("b1-seg@litert,threads=2", common).runtime_options == {"xnnpack": False}
    assert side_of("b1-seg@onnxruntime", common).runtime_options == {}


def test_a_file_is_told_by_its_ending() -> None:
    side = side_of("some/where/new.onnx@onnxruntime,threads=2", {})
    assert (side.file, side.model) == ((Path("some/where/new.onnx"), "onnx"), None)
    assert side_of("x.tflite", {}).file == (Path("x.tflite"), "tflite")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a side"),
        ("@litert", "not a side"),
        ("b1-seg@", "not a side"),
        ("b1-seg@litert,threads", "not an option"),
        ("b1-seg@litert,threads=many", "threads"),
        ("b1-seg@litert,resolution=big", "resolution"),
        ("b1-seg,threads=2", "name the runtime"),
        ("b1-seg@threads=2", "name the runtime before its options, for example b1-seg@onnxruntime,threads=2"),
        ("b1 seg", "model"),
    ],
)
def test_what_is_no_side_is_refused_with_its_words(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        side_of(text, {})
