"""A third party's package with tiny models, found through its entry points as a real one would be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.export.job import ExportJob
from latency_bench.model_specs.spec import ModelSpec

SOURCE = '''
"""Tiny models, and some that misbehave."""
import os, signal, time
import torch
import torch.nn.functional as F


def _count():
    """One line for every module that is built: how many exports really ran. Counting on the meta device is none."""
    if torch.get_default_device().type == "meta":
        return
    with open(os.environ["TINY_LOG"], "a") as log:
        log.write(f"{os.getpid()}\\n")


class Conv(torch.nn.Module):
    def __init__(self, channels, upsample):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, channels, 3, padding=1)
        self.upsample = upsample

    def forward(self, image):
        x = F.hardswish(self.conv(image))
        return F.interpolate(x, scale_factor=2.0, mode=self.upsample, align_corners=False)


def conv(channels=4, upsample="bicubic"):
    _count()
    if seconds := os.environ.get("TINY_SLEEP_S"):
        time.sleep(float(seconds))
    return Conv(channels, upsample)


class TwoInputs(torch.nn.Module):
    """An image and a vector -> a feature map and a vector; neither is in alphabetical order."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 5, 3, stride=2)
        self.linear = torch.nn.Linear(7, 5)

    def forward(self, picture, extra):
        features = self.conv(picture)
        vector = self.linear(extra)
        return features * torch.sigmoid(vector)[:, :, None, None], features.mean(dim=(2, 3)) + vector


def two_inputs():
    _count()
    return TwoInputs()


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def wrong_outputs():
    class Wrong(torch.nn.Module):
        def forward(self, image):
            return image, image

    print("a converter that talks")
    return Wrong()


def edits_itself():
    with open(__file__, "a") as source:
        source.write("# edited\\n")
    return Conv(4, "bicubic")


def not_finite():
    class Inf(torch.nn.Module):
        def forward(self, image):
            return image / 0.0

    return Inf()


def no_package():
    import a_package_nobody_has  # noqa


def no_memory():
    return torch.empty(1 << 44)
'''
BUILDERS = ("conv", "two_inputs", "killed", "wrong_outputs", "edits_itself", "not_finite", "no_package", "no_memory")
IMAGE = {"name": "image", "shape": [3, 8, 8]}
MakeSpec = Callable[..., ModelSpec]


@pytest.fixture
def tiny_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed package's folder; TINY_LOG gets a line for every build."""
    site = tmp_path / "site"
    metadata = site / "tiny_models-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "tiny_models.py").write_text(SOURCE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-models\nVersion: 1.0\n")
    entries = "".join(f"tiny.{name} = tiny_models:{name}\n" for name in BUILDERS)
    (metadata / "entry_points.txt").write_text(f"[bench.builders]\n{entries}")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "builds.txt"))
    return site


@pytest.fixture
def tiny_spec(tiny_package: Path) -> MakeSpec:
    """tiny_spec("conv", channels=8): a spec of the package."""

    def make(builder: str = "conv", **arguments: Any) -> ModelSpec:
        document: dict[str, Any] = {
            "id": "tiny",
            "family": "tiny",
            "title": "Tiny",
            "task": "generic",
            "builder": f"tiny.{builder}",
            "arguments": arguments,
            "inputs": [IMAGE],
            "outputs": [{"name": "result"}],
            "provenance": {"paper": "none", "code": "own", "license": "Apache-2.0"},
        }
        if builder == "two_inputs":
            document["inputs"] = [{"name": "picture", "shape": [3, 9, 11]}, {"name": "extra", "shape": [7]}]
            document["outputs"] = [{"name": "map"}, {"name": "code"}]
        return ModelSpec.model_validate(document)

    return make


@pytest.fixture
def builds(tiny_package: Path) -> Callable[[], int]:
    """How many modules were built so far."""
    log = tiny_package.parent / "builds.txt"
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


class MakeJob:
    """make_job(module, picture=tensor): an ExportJob whose outputs are `result`, or `result_0`, `result_1`, ..."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, module: Any, name: str, precision: str = "fp32", opset: int = 13, **inputs: Any) -> ExportJob:
        import torch

        directory = self.folder / f"job{len(list(self.folder.glob('job*')))}"
        directory.mkdir()
        with torch.no_grad():
            results = module.eval()(*inputs.values())
        if isinstance(results, tuple):
            outputs = {f"result_{index}": tensor for index, tensor in enumerate(results)}
        else:
            outputs = {"result": results}
        return ExportJob(module, inputs, outputs, directory / name, precision, opset)  # type: ignore[arg-type]


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    return MakeJob(tmp_path)


Run = Callable[[Path, dict[str, Any]], dict[str, Any]]


def run_onnx(path: Path, inputs: dict[str, Any]) -> dict[str, Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def run_tflite(path: Path, inputs: dict[str, Any]) -> dict[str, Any]:
    """Channel-first in and out, so that all formats compare; the interpreter sees channel-last."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        values = inputs[detail["name"]]
        interpreter.set_tensor(detail["index"], values.transpose(0, 2, 3, 1) if values.ndim == 4 else values)
    interpreter.invoke()
    outputs = {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()}
    return {name: value.transpose(0, 3, 1, 2) if value.ndim == 4 else value for name, value in outputs.items()}


def run_pt2(path: Path, inputs: dict[str, Any]) -> dict[str, Any]:
    """A torch.export program has no output names: numbered."""
    import torch

    module = torch.export.load(path).module()
    results = module(*(torch.from_numpy(values) for values in inputs.values()))
    results = results if isinstance(results, tuple | list) else (results,)
    return {str(index): tensor.detach().numpy() for index, tensor in enumerate(results)}


@pytest.fixture
def runners() -> dict[str, Run]:
    """How to run a file of each format: (path, inputs by name, channel-first) -> outputs by name, channel-first."""
    return {"onnx": run_onnx, "tflite": run_tflite, "pt2": run_pt2}
