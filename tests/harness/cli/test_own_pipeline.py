"""`--pipeline` of a person's own file: what no spec says is stated by the options of `bench accuracy`, asked for where
it is missing, fed as it is said, and kept in the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from bench_worker.clock import now_ns
from bench_worker.pipeline.libraries import LIBRARIES
from bench_worker.pipeline.pipeline_job import parse_pipeline
from bench_worker.pipeline.pipelined_request import PipelinedRequest
from bench_worker.runtimes import create_runtime
from latency_bench.harness.accuracy.meanings import MEANINGS
from latency_bench.harness.accuracy.own_subject import own_subject
from latency_bench.harness.accuracy.preparing import image_values
from latency_bench.harness.accuracy.stated import Statement
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import case_of, options_of
from latency_bench.harness.cli.pair import pair_request
from latency_bench.harness.errors import UsageError
from latency_bench.harness.identity.request_key import request_key
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.repeated_case import case_like
from latency_bench.harness.store.reader import open_run

SIZE = 16
NODE = onnx.helper.make_node
STATED: dict[str, Any] = {
    "crop_share": 0.5,
    "interpolation": "bilinear",
    "channel_order": "bgr",
    "mean": (0.4, 0.5, 0.6),
    "std": (0.2, 0.25, 0.3),
}
WORDS = (
    *("--crop-share", "0.5", "--interpolation", "bilinear", "--channel-order", "bgr"),
    *("--mean", "0.4,0.5,0.6", "--std", "0.2,0.25,0.3"),
)
BY_LAYOUT = {"first": (1, 3, SIZE, SIZE), "last": (1, SIZE, SIZE, 3)}


def write_graph(path: Path, shape: Sequence[int], dtype: str, *nodes: onnx.NodeProto, gives: Sequence[int]) -> Path:
    """From `photo` to `answer`, which is float32; `scales` doubles height and width of what has its channels first."""
    info, types = onnx.helper.make_tensor_value_info, onnx.TensorProto
    constants = {
        "scales": np.array([1.0, 1.0, 2.0, 2.0], np.float32),
        "rows": np.array([[[1, 2, 9, 12, 0.9, 3], [0, 0, 5, 5, 0.1, 2], [4, 4, 8, 8, 0.5, 1]]], np.float32),
        "candidates": np.array([[[8, 8], [8, 8], [4, 4], [4, 4], [0.9, 0.8], [0.0, 0.1]]], np.float32),
    }
    used = {name for node in nodes for name in node.input} & set(constants)
    made = onnx.helper.make_graph(
        list(nodes), "graph", [info("photo", getattr(types, dtype), shape)], [info("answer", types.FLOAT, gives)],
        [onnx.numpy_helper.from_array(constants[name], name) for name in used],
    )  # fmt: skip
    onnx.save(onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def itself(path: Path, layout: str, dtype: str = "FLOAT") -> Path:
    """Its input's values as float32."""
    cast = NODE("Cast", ["photo"], ["answer"], to=onnx.TensorProto.FLOAT)
    return write_graph(path, BY_LAYOUT[layout], dtype, cast, gives=BY_LAYOUT[layout])


def case(file: Path, pipeline: str | None = "pillow", preparation: Any = None, **changes: Any) -> Case:
    asked = {"file": (file, "onnx"), "runtime": "onnxruntime", "pipeline": pipeline, **changes}
    return case_of(options_of({**asked, "preparation": preparation}), single=True)


def request_of(measured: Case, photograph: Path) -> tuple[PipelinedRequest, Any]:
    """The request that the worker would time, and the runtime that it is made of."""
    artifact = measured.artifact
    assert artifact is not None
    assert measured.around is not None
    assert measured.pipeline is not None
    asked = parse_pipeline(measured.around.describe(measured.pipeline, photograph, artifact), "/")
    assert asked is not None
    runtime = create_runtime("onnxruntime", {"threads": 1}, now_ns)
    inputs = runtime.load(str(artifact.path), _tensors(measured))
    runtime.set_inputs([np.zeros(one.shape, one.dtype) for one in inputs])
    return PipelinedRequest(asked, LIBRARIES[asked.library](), runtime, inputs, now_ns), runtime


def _tensors(measured: Case) -> Any:
    from bench_worker.job import InputTensor

    assert isinstance(measured.spec, FileSpec)
    return [InputTensor(one.name, one.shape, one.dtype, "NCHW", "normal", 0.0, 1.0, 0) for one in measured.spec.inputs]


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    pixels = np.random.RandomState(3).randint(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photograph.png")
    return tmp_path / "photograph.png"


@pytest.mark.parametrize("dtype", ["FLOAT", "FLOAT16", "UINT8"])
@pytest.mark.parametrize("layout", list(BY_LAYOUT))
def test_a_request_feeds_what_accuracy_would_score(tmp_path: Path, photograph: Path, layout: str, dtype: str) -> None:
    said = {name: value for name, value in STATED.items() if dtype != "UINT8" or name not in ("mean", "std")}
    measured = case(itself(tmp_path / "itself.onnx", layout, dtype), preparation=said)
    request, runtime = request_of(measured, photograph)
    request()
    subject = own_subject(measured.spec, Statement(**said), is_scored=False)
    expected = subject.carried(image_values(photograph, subject.spec.inputs[0], subject.how)).astype(np.float32)
    np.testing.assert_allclose(runtime.outputs()["answer"], expected, atol=2e-3 if dtype == "FLOAT16" else 1e-5)
    assert request.facts()["prepared"] == "crop 0.5, bilinear, bgr"
    assert request.facts()["answer"] == "none"


SHAPES = {"pixel-scores": "first", "pixel-scores-nhwc": "last", "image": "first", "image-nhwc": "last"}


@pytest.mark.parametrize("meaning", list(MEANINGS))
def test_every_meaning_has_its_answer(tmp_path: Path, meaning: str) -> None:
    """Each channel of the photograph is one of its three classes, or its own light."""
    pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
    pixels[:, : SIZE // 2, 1] = 200
    pixels[:, SIZE // 2 :, 2] = 200
    Image.fromarray(pixels).save(tmp_path / "two.png")
    layout = SHAPES.get(meaning, "first")
    file, number, shape = tmp_path / "made.onnx", "", BY_LAYOUT[layout]
    if meaning == "class-scores":
        write_graph(
            file, shape, "FLOAT", NODE("ReduceMean", ["photo"], ["answer"], axes=[2, 3], keepdims=0), gives=(1, 3)
        )
    elif meaning == "pixel-classes":
        largest = NODE("ArgMax", ["photo"], ["classes"], axis=1, keepdims=1)
        cast = NODE("Cast", ["classes"], ["answer"], to=onnx.TensorProto.FLOAT)
        write_graph(file, shape, "FLOAT", largest, cast, gives=(1, 1, SIZE, SIZE))
        number = ":3"
    elif meaning in ("boxes", "yolo-boxes"):
        name, gives = ("rows", (1, 3, 6)) if meaning == "boxes" else ("candidates", (1, 6, 2))
        zero = NODE("ReduceMin", ["photo"], ["least"], axes=[0, 1, 2, 3], keepdims=0)
        write_graph(file, shape, "FLOAT", zero, NODE("Add", [name, "least"], ["answer"]), gives=gives)
        number = ":4" if meaning == "boxes" else ":2"
    else:
        itself(file, layout)
        number = ":1" if meaning.startswith("image") else ""
    said = {"mean": 0, "std": 1, "channel_order": "rgb", "output_is": f"answer={meaning}{number}"}
    said |= {} if meaning.startswith("image") else {"whole_image": True, "interpolation": "bilinear"}
    measured = case(file, "opencv", preparation=said)
    request, _ = request_of(measured, tmp_path / "two.png")
    assert request().postprocess_ns is not None
    (answer,) = request.answers
    if meaning == "class-scores":
        assert sorted(answer.tolist()) == [0, 1, 2]
        assert answer[-1] == 0
    elif MEANINGS[meaning].task == "segmentation":
        np.testing.assert_array_equal(answer, pixels.argmax(2))
    elif meaning == "boxes":
        assert answer.classes.tolist() == [3, 1], "a score of 0.1 is not shown"
        np.testing.assert_array_equal(answer.boxes[0], [1, 2, 9, 12])
    elif meaning == "yolo-boxes":
        assert (answer.classes.tolist(), answer.boxes.tolist()) == ([0], [[6, 6, 10, 10]])
    else:
        np.testing.assert_array_equal(answer, pixels)


def test_a_run_of_a_file_has_its_phases_and_can_be_measured_again(
    bench: Any, tmp_path: Path, brief: Any, photograph: Path
) -> None:
    itself(tmp_path / "mine.onnx", "last")
    words = ("--onnx", "mine.onnx", *WORDS, "--output-is", "answer=pixel-scores-nhwc", *brief)
    done = bench("run", *words, "--pipeline", "pillow", "--json")
    assert done.returncode == 0, done.stderr
    stored = open_run(tmp_path / "store", done.json()["run_id"]).record
    assert stored.summary is not None
    assert {"decode", "preprocess", "postprocess"} <= set(stored.summary.phases)
    assert stored.runtime is not None
    facts = stored.runtime.facts["pipeline"]
    assert (facts["prepared"], facts["answer"]) == ("crop 0.5, bilinear, bgr", "class-maps")
    assert stored.model.preparation == {
        "crop_share": 0.5,
        "interpolation": "bilinear",
        "channel_order": "bgr",
        "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.25, 0.3],
        "output_is": "answer=pixel-scores-nhwc",
    }
    again = case_like(stored, {"device": "local", "file": (tmp_path / "mine.onnx", "onnx")})
    assert again.around is not None
    assert (again.around.channels, again.around.answer) == ("bgr", "class-maps")
    assert again.preparation == stored.model.preparation
    others = [case(tmp_path / "mine.onnx", preparation=one) for one in (STATED, {**STATED, "crop_share": 1})]
    assert len({request_key(one) for one in (again, *others)}) == 3


@pytest.mark.parametrize(
    ("preparation", "words"),
    [
        (None, "nothing says how images are resized and cut, by which filter, how pixels are normalised, whether its"),
        ({"mean": 0, "std": 1, "whole_image": True, "interpolation": "bilinear"}, "--channel-order rgb"),
        ({**STATED, "output_is": "logits=class-scores"}, "has no output logits; there are answer"),
        ({"prepared_as": "calibration-matmul-512"}, "does not take one image of three channels"),
        ({**STATED, "std": (0.2, 0.0, 0.2)}, "every number of std has to be more than 0"),
        ({**STATED, "whole_image": True}, "a whole image is not cropped"),
        ({**STATED, "zoom": 2}, "zoom"),
    ],
)
def test_what_is_missing_or_wrong_is_told(tmp_path: Path, preparation: Any, words: str) -> None:
    file = itself(tmp_path / "itself.onnx", "first")
    with pytest.raises(UsageError, match=words):
        case(file, preparation=preparation)


def test_what_is_stated_needs_a_pipeline(bench: Any, tmp_path: Path) -> None:
    file = itself(tmp_path / "itself.onnx", "first")
    with pytest.raises(UsageError, match="--crop-share says what --pipeline does in every request"):
        case(file, None, STATED)
    refused = bench("run", "--onnx", str(file), *WORDS)
    assert (refused.returncode, "name the library too" in refused.stderr) == (2, True)
    common = {"preparation": Statement(**STATED), "runtime": "onnxruntime"}
    sides = [f"{file}@onnxruntime", f"{file}@onnxruntime,pipeline=pillow"]
    plain, around = pair_request(sides, **common).cases
    assert (plain.around, plain.preparation) == (None, {})
    assert around.preparation["channel_order"] == "bgr"
    with pytest.raises(UsageError, match="no side has a --pipeline"):
        pair_request([sides[0], sides[0]], **common)


def test_a_model_of_the_catalog_is_prepared_otherwise_where_that_is_said() -> None:
    asked = {"model": "b0-cls-r224", "runtime": "onnxruntime", "pipeline": "pillow"}
    changed = case_of(options_of({**asked, "preparation": {"crop_share": 0.5}}), single=True)
    assert changed.around is not None
    assert (changed.around.how.crop_share, changed.around.how.interpolation) == (0.5, "bicubic")
    with pytest.raises(UsageError, match="--mean is for files and networks of your own; the spec of b0-cls-r224"):
        case_of(options_of({**asked, "preparation": {"mean": 0, "std": 1}}), single=True)
