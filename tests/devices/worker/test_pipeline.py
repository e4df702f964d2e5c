"""What surrounds the network in a pipeline's request, on every runtime: the photograph that is fed is the one that
`bench accuracy` would score, the answer is what the definitions say, and the inputs that the host checks come back."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench_worker.clock import now_ns
from bench_worker.failure import WorkerError
from bench_worker.inputs import in_artifact_layout
from bench_worker.job import InputTensor, parse_job
from bench_worker.natural_images import natural_image
from bench_worker.pipeline.answers import ANSWERS, Asked
from bench_worker.pipeline.libraries import LIBRARIES
from bench_worker.pipeline.normalising import Normalising
from bench_worker.pipeline.pipeline_job import parse_pipeline
from bench_worker.pipeline.pipelined_request import PipelinedRequest
from bench_worker.pipeline.placement import Placement, placement
from bench_worker.runtimes import create_runtime, runtime_class
from latency_bench.devices.errors import WorkerError as DeviceWorkerError
from latency_bench.devices.runners.worker import WorkerRunner
from latency_bench.devices.transports.local import LocalTransport
from latency_bench.harness.accuracy.preparing import image_values
from latency_bench.harness.export.formats import find_format
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import InputSpec

HEIGHT, WIDTH = 16, 24
SPEC = InputSpec(name="image", shape=(3, HEIGHT, WIDTH))
CROP = {"resize": "crop", "crop_share": 0.9, "interpolation": "bicubic"}
MEAN, STD = SPEC.normalisation


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    light = natural_image(3, 50, 70, np.random.RandomState(1))
    path = tmp_path_factory.mktemp("photograph") / "photograph.jpg"
    Image.fromarray((light * 255).astype(np.uint8).transpose(1, 2, 0)).save(path, quality=90)
    return path


def pipeline(photograph: Path | str, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "library": "pillow",
        "photograph": str(photograph),
        "input": "image",
        "channels_last": False,
        "channels": "rgb",
        **CROP,
        "mean": list(MEAN),
        "std": list(STD),
        "outputs": [{"name": name, "channels_last": False} for name in ("map", "total")],
        "answer": "class-maps",
        "answer_from": ["map"],
    }
    return {**document, **changes}


@pytest.fixture
def artifact(request: pytest.FixtureRequest, make_export_job: Any) -> Path:
    """By runtime: a network with one map or more, of the size of SPEC."""
    runtime = request.param
    fixtures = {"litert": "tflite_artifact", "onnxruntime": "onnx_artifact", "openvino": "onnx_artifact"}
    if runtime in fixtures or runtime == "torch":
        return Path(request.getfixturevalue(fixtures.get(runtime, "pt2_artifact")))
    torch.manual_seed(0)
    module = torch.nn.Conv2d(3, 4, 3, padding=1).eval()
    target = find_format(runtime_class(runtime).FORMAT)
    job = make_export_job(module, target, image=torch.zeros(1, 3, HEIGHT, WIDTH))
    target.export(job)
    return Path(job.path)


@pytest.mark.parametrize(
    ("artifact", "runtime", "options"),
    [
        ("litert", "litert", {}),
        ("onnxruntime", "onnxruntime", {}),
        ("openvino", "openvino", {}),
        # In this form the runtime has memory of its own.
        ("torch", "torch", {"channels_last": True}),
        ("ncnn", "ncnn", {}),
        ("mnn", "mnn", {}),
        pytest.param("executorch", "executorch", {}, marks=pytest.mark.slow),
    ],
    indirect=["artifact"],
)
def test_the_photograph_is_computed_and_the_given_inputs_come_back(
    artifact: Path,
    runtime: str,
    options: dict[str, Any],
    photograph: Path,
    request_for: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A process may set these once, and a worker is a process of its own.
    for name in ("set_num_interop_threads", "set_num_threads"):
        monkeypatch.setattr(torch, name, lambda _: None)
    layout = "NHWC" if runtime == "litert" else "NCHW"
    tensor = InputTensor("image", (1, 3, HEIGHT, WIDTH), "float32", layout, "normal", 0.0, 1.0, 3)
    given = in_artifact_layout(np.random.RandomState(5).standard_normal(tensor.shape).astype(np.float32), layout)
    made = create_runtime(runtime, {"threads": 1, **options}, now_ns)
    inputs = made.load(str(artifact), [tensor])
    made.set_inputs([given])
    made.request()
    names = list(made.outputs())
    for_given = {name: array.copy() for name, array in made.outputs().items()}
    values = image_values(photograph, SPEC, Preparation(**CROP, source="test"))
    made.set_inputs([in_artifact_layout(values, layout)])
    made.request()
    for_photograph = {name: array.copy() for name, array in made.outputs().items()}

    made.set_inputs([given])
    outputs = [{"name": name, "channels_last": runtime == "litert" and place == 0} for place, name in enumerate(names)]
    asked = pipeline(photograph, channels_last=layout == "NHWC", outputs=outputs, answer_from=names[:1])
    job = parse_job(request_for(runtime, str(artifact), pipeline=asked), "/")
    asked_for = parse_pipeline(job.pipeline, job.folder)
    assert asked_for is not None
    request = PipelinedRequest(asked_for, LIBRARIES[asked_for.library](), made, inputs, now_ns)
    times = request()
    for name, expected in for_photograph.items():
        np.testing.assert_allclose(made.outputs()[name], expected, atol=1e-5)
    phases = times._asdict()
    durations = [phases[f"{name}_ns"] for name in ("decode", "preprocess", "h2d", "compute", "d2h", "postprocess")]
    assert all(duration > 0 for duration in durations)
    assert sum(durations) <= times.end_ns - times.start_ns
    (classes,) = request.answers
    assert classes.shape == (50, 70)
    for name, expected in for_given.items():
        np.testing.assert_array_equal(request.run_as_given()[name], expected)
    facts = request.facts()
    assert (facts["library"], facts["photograph"]["size"], facts["prepared"]) == (
        "pillow",
        "70x50",
        "crop 0.9, bicubic",
    )
    made.close()


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_pixels_become_values_in_every_type_and_layout(dtype: str, channels_last: bool) -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype(np.uint8)
    shape = (8, 9, 3) if channels_last else (3, 8, 9)
    slot = np.full(shape, 77, dtype)
    Normalising(MEAN, STD).fill(slot, pixels, channels_last)
    found = slot if channels_last else slot.transpose(1, 2, 0)
    expected = pixels if dtype == "uint8" else (pixels / 255.0 - MEAN) / np.array(STD)
    np.testing.assert_allclose(found[:5, :7].astype(float), expected, atol=2e-6 if dtype == "float32" else 4e-3)
    left = np.concatenate([found[5:].reshape(-1, 3), found[:, 7:].reshape(-1, 3)]).astype(float)
    assert np.abs(left - (np.rint(np.array(MEAN) * 255) if dtype == "uint8" else 0)).max() < 1e-6


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_libraries_agree_but_for_their_filters(library: str) -> None:
    made = LIBRARIES[library]()
    light = natural_image(3, 60, 90, np.random.RandomState(2))
    pixels = (light * 255).astype(np.uint8).transpose(1, 2, 0)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    image = made.decode(content.getvalue())
    assert made.size(image) == (90, 60)
    np.testing.assert_array_equal(made.pixels(image), pixels)
    np.testing.assert_array_equal(made.pixels(made.cut(image, 3, 2, 8, 5)), pixels[2:7, 3:11])
    larger = made.pixels(made.resized(image, 180, 120, "bilinear")).astype(float)
    reference = torch.nn.functional.interpolate(
        torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)), scale_factor=2, mode="bilinear"
    )
    assert np.abs(larger - reference[0].numpy().transpose(1, 2, 0)).max() <= 1.01
    maps = np.random.RandomState(0).standard_normal((4, 6, 8)).astype(np.float32)
    enlarged = made.resized_maps(maps, 16, 12, "bilinear")
    expected = torch.nn.functional.interpolate(torch.from_numpy(maps[None]), size=(12, 16), mode="bilinear")[0].numpy()
    np.testing.assert_allclose(enlarged, expected, atol=2e-3)
    assert made.facts()["version"]


def asked(photograph: tuple[int, int], entered: tuple[int, int], placed: Placement | None = None) -> Asked:
    return Asked(LIBRARIES["pillow"](), photograph, entered, placed or Placement(*entered, 0, 0))


def test_answers() -> None:
    random = np.random.RandomState(0)
    logits = random.standard_normal((2, 1000)).astype(np.float32)
    best = ANSWERS["top-classes"]([logits], asked((9, 9), (9, 9)))
    np.testing.assert_array_equal(best, np.argsort(-logits, axis=1)[:, :5])
    assert len(ANSWERS["top-classes"]([logits[:, :3]], asked((9, 9), (9, 9)))[0]) == 3

    blocks = random.randint(0, 19, (4, 6))
    dense = (np.arange(19)[:, None, None] == blocks).astype(np.float32)[None]
    (classes,) = ANSWERS["class-maps"]([dense], asked((60, 40), (48, 32)))
    assert classes.shape == (40, 60)
    np.testing.assert_array_equal(classes[5::10, 5::10], blocks)
    (nearest,) = ANSWERS["class-maps"]([blocks[None]], asked((60, 40), (48, 32)))
    np.testing.assert_array_equal(nearest, blocks.repeat(10, 0).repeat(10, 1))

    light = random.uniform(-0.2, 1.2, (1, 3, 4, 5)).astype(np.float32)
    (image,) = ANSWERS["images"]([light], asked((5, 4), (5, 4)))
    np.testing.assert_array_equal(image, np.rint(np.clip(light[0], 0, 1) * 255).transpose(1, 2, 0))

    # The photograph of 64 x 32 fills the upper half of the input.
    masks = np.full((1, 3, 8, 8), -1, np.float32)
    masks[0, 1, :2, :] = 1
    scores = np.array([[0.1, 0.9, 0.3]], np.float32)
    (mask,) = ANSWERS["best-masks"]([masks, scores], asked((64, 32), (32, 32), Placement(32, 16, 0, 0)))
    assert mask.shape == (32, 64)
    assert mask[:14].all()
    assert not mask[18:].any()


def test_where_a_photograph_goes() -> None:
    assert placement(500, 375, 224, 224, "crop", 0.95) == Placement(315, 236, 46, 6)
    assert placement(500, 375, 224, 224, "stretch") == Placement(224, 224, 0, 0)
    assert placement(640, 480, 1024, 1024, "pad") == Placement(1024, 768, 0, 0)
    assert placement(240, 160, 240, 160, "tiles") == Placement(240, 160, 0, 0)
    with pytest.raises(WorkerError, match="nothing is resized"):
        placement(241, 160, 240, 160, "tiles")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"library": "magick"}, "pipeline.library: expected one of pillow, opencv"),
        ({"resize": "zoom"}, "pipeline.resize"),
        ({"crop_share": 1.5}, "crop_share: expected more than 0"),
        ({"mean": [0.5]}, "three numbers each"),
        ({"std": [0.2, 0.0, 0.2]}, "std: expected more than 0"),
        ({"answer": "speech"}, "pipeline.answer"),
        ({"answer_from": ["logits"]}, "logits are not all among the outputs"),
        ({"outputs": []}, "pipeline.outputs"),
        ({"extra": 1}, "pipeline.extra: unknown field"),
    ],
)
def test_a_wrong_pipeline_is_refused_with_its_field(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(WorkerError, match=words):
        parse_pipeline(pipeline("photograph.jpg", **changes), "/folder")


@pytest.mark.parametrize(
    ("library", "install"), [("pillow", "pip install pillow"), ("opencv", "opencv-python-headless")]
)
def test_a_library_that_the_device_lacks_is_told_before_anything_else(library: str, install: str) -> None:
    transport = LocalTransport()
    try:
        WorkerRunner((sys.executable,)).check_image_library(transport, library)
        # Without its site-packages this Python has neither.
        with pytest.raises(DeviceWorkerError, match=f"--pipeline {library} decodes photographs") as refusal:
            WorkerRunner((sys.executable, "-S")).check_image_library(transport, library)
        assert install in refusal.value.remedy
        assert refusal.value.kind == "runtime-missing"
    finally:
        transport.close()


def test_a_photograph_that_is_none_ends_in_one_line(run_worker: Any, request_for: Any, onnx_artifact: Path) -> None:
    run = request_for("onnxruntime", onnx_artifact)
    (Path(onnx_artifact).parent / "none.jpg").write_bytes(b"no image")
    document = {**run, "pipeline": pipeline(Path(onnx_artifact).parent / "none.jpg")}
    finished = run_worker(document)
    error = finished.event("error")
    assert error["kind"] == "bad-request"
    assert "pillow cannot decode the photograph" in error["message"]
