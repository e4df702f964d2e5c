"""A network in a Python file of the user's: what it becomes, how it is told from others, what is said of wrong ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import ExportOptions, export_artifact
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.key import hash_builder
from latency_bench.harness.export.module_interface import GivenInput, describe
from latency_bench.harness.python_module import add_python_module, own_id, parse_arguments, parse_module_input
from latency_bench.model_specs import catalog, user_builders
from latency_bench.model_specs.errors import SpecError, UnknownModelError
from latency_bench.model_specs.spec import ModelSpec

LAYERS = "from torch import nn\n\n\ndef conv(width):\n    return nn.Conv2d(3, width, 3, padding=1)\n"
NET = '''
import torch
from torch import nn

from my_layers import conv


class Net(nn.Module):
    """Returns what Hugging Face's do: a mapping."""

    def __init__(self, width=4, names=("a",)):
        super().__init__()
        print("text on stdout must not matter")
        self.conv = conv(width)

    def forward(self, image, scale=None):
        features = self.conv(image).relu()
        return {"features": features, "pooled": (features.mean(dim=(2, 3)), features.amax(dim=(2, 3)))}


def two(classes):
    class Two(nn.Module):
        def forward(self, image, ids):
            return image.mean(dim=(1, 2, 3)) + nn.functional.one_hot(ids % classes, classes).sum(dim=(1, 2))

    return Two()


made = nn.Linear(8, 2)
number = 3


def not_a_module():
    return 3


def fails():
    raise ValueError("width has to be even\\nand more")


class Wide(nn.Module):
    def forward(self, image):
        return image @ torch.zeros(5, 5)


class Lacking(nn.Module):
    def forward(self, image):
        import a_package_that_nobody_has

        return image
'''
IMAGE = GivenInput(None, (3, 8, 8), "float32")


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a network and what it imports; this process knows nothing of it yet."""
    monkeypatch.setattr(user_builders, "_registered", {})
    monkeypatch.setattr(catalog, "_added", {})
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    for module in ("my_net", "my_layers", "raises", "broken"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "nets"
    folder.mkdir()
    (folder / "my_net.py").write_text(NET)
    (folder / "my_layers.py").write_text(LAYERS)
    return folder


def add(
    folder: Path, what: str = "my_net.py:Net", *inputs: GivenInput, name: str | None = None, **arguments: object
) -> ModelSpec:
    return add_python_module(what, folder, dict(arguments), inputs or (IMAGE,), name)


def test_a_class_is_exported_with_its_own_names_and_values(nets: Path) -> None:
    spec = add(nets, width=6)

    assert spec.inputs[0].name == "image"
    assert [output.name for output in spec.outputs] == ["features", "pooled_0", "pooled_1"]
    assert catalog.load_spec(spec.id) is spec
    artifact = export_artifact(spec, "onnx", ExportOptions(batch=2), progress=lambda _: None)
    assert artifact.reference is not None
    with np.load(artifact.reference) as reference:
        assert {name: reference[name].shape for name in reference.files} == {
            "features": (2, 6, 8, 8),
            "pooled_0": (2, 6),
            "pooled_1": (2, 6),
        }
    assert artifact.facts["params"] == 6 * 27 + 6


def test_functions_that_build_and_modules_that_are_there_serve_too(nets: Path) -> None:
    ids = GivenInput("ids", (5,), "int64")
    spec = add(nets, "my_net.py:two", IMAGE, ids, classes=3)
    assert [(one.name, one.dtype, one.distribution) for one in spec.inputs] == [
        ("image", "float32", "normal"),
        ("ids", "int64", "uniform"),
    ]
    made = add(nets, "my_net.py:made", GivenInput(None, (8,), "float32"))
    assert export_artifact(made, "onnx", progress=lambda _: None).outputs[0].shape == (1, 2)


def test_another_network_has_another_id_and_another_export(nets: Path) -> None:
    builder = user_builders.register("my_net.py:Net", nets)
    sources = {hash_builder(builder.label)}
    ((sha256, _),) = sources
    ids = {own_id(builder, sha256, {}), own_id(builder, sha256, {"width": 5})}
    (nets / "my_layers.py").write_text(LAYERS.replace("padding=1", "padding=0"))

    assert len(ids | {own_id(builder, hash_builder(builder.label)[0], {})}) == 3
    assert len(sources | {hash_builder(builder.label)}) == 2


DATA_NET = """
from pathlib import Path

import torch
from torch import nn


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = float((Path(__file__).parent / "data" / "scale.txt").read_text())

    def forward(self, image):
        return image * self.scale
"""


def test_what_a_network_reads_is_part_of_what_it_is(nets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_builders, "_data_files", {})
    (nets / "data_net.py").write_text(DATA_NET)
    (nets / "data").mkdir()
    ids, artifacts = set(), set()
    for scale in ("2.0", "3.0", "2.0"):
        (nets / "data" / "scale.txt").write_text(scale)
        spec = add(nets, "data_net.py:Scaled")
        ids.add(spec.id)
        artifacts.add(export_artifact(spec, "pt2", ExportOptions(), progress=lambda _: None).path)
    assert user_builders.data_files("data_net.py:Scaled") == ((nets / "data" / "scale.txt").resolve(),)
    assert (len(ids), len(artifacts)) == (2, 2)


def test_a_name_is_the_id_and_no_other_models(nets: Path) -> None:
    assert add(nets, name="my-net").id == "my-net"
    with pytest.raises(SpecError, match="'my-net' is another model's id"):
        add(nets, name="my-net", width=8)
    with pytest.raises(SpecError, match="'b1-seg' is another model's id"):
        add(nets, name="b1-seg")
    with pytest.raises(UsageError, match="the name 'No Id'"):
        add(nets, name="No Id")


@pytest.mark.parametrize(
    ("what", "inputs", "arguments", "words"),
    [
        ("my_net.py:Absent", [IMAGE], {}, "has nothing called 'Absent'"),
        ("my_net.py:number", [IMAGE], {}, "is neither a class of modules"),
        ("my_net.py:not_a_module", [IMAGE], {}, "gives int, not a torch.nn.Module"),
        ("my_net.py:fails", [IMAGE], {}, "width has to be even"),
        ("my_net.py:Net", [IMAGE], {"depth": 3}, "cannot be built with .*depth"),
        ("my_net.py:Net", [], {}, r"forward\(image, scale\) needs image; .*--input image=3x224x224"),
        ("my_net.py:Net", [GivenInput("picture", (3, 8, 8), "float32")], {}, "is 'image', not 'picture'"),
        ("my_net.py:Wide", [IMAGE], {}, "forward fails on inputs of 1x3x8x8: .*"),
        ("my_net.py:Lacking", [IMAGE], {}, "a_package_that_nobody_has"),
        ("broken.py:Net", [IMAGE], {}, r"broken.py:2: no Python"),
        ("raises.py:Net", [IMAGE], {}, r"cannot be imported: RuntimeError: no luck"),
        ("absent.py:Net", [IMAGE], {}, "absent.py: there is no such file"),
        ("my_net.py", [IMAGE], {}, "write FILE.py:NAME"),
        ("os.path:join", [IMAGE], {}, "write FILE.py:NAME"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    nets: Path, what: str, inputs: list[GivenInput], arguments: dict[str, object], words: str
) -> None:
    (nets / "broken.py").write_text("import torch\nclass Net(:\n")
    (nets / "raises.py").write_text("raise RuntimeError('no luck')\n")

    def look_at_it() -> None:
        builder = user_builders.register(what, nets)
        hash_builder(what)
        described = [[given.name, list(given.shape), given.dtype] for given in inputs]
        request = {"user_builder": {"label": builder.label}, "arguments": arguments, "inputs": described}
        describe(request, lambda _: None)

    with pytest.raises((SpecError, ExportError, ModuleNotFoundError), match=words) as raised:
        look_at_it()
    assert "\n" not in str(raised.value)


def test_what_another_process_found_wrong_arrives_here(nets: Path) -> None:
    with pytest.raises(UsageError, match="cannot be built with") as raised:
        add(nets, depth=3)
    assert "\n" not in str(raised.value)


def test_a_spec_from_elsewhere_runs_no_file(nets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = add(nets)
    monkeypatch.setattr(user_builders, "_registered", {})
    with pytest.raises(SpecError, match="bring your own with --module"):
        export_artifact(spec, "onnx", progress=lambda _: None)


def test_a_file_inside_a_package_imports_its_neighbours(nets: Path) -> None:
    package = nets / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "own_layers.py").write_text(LAYERS)
    (package / "net.py").write_text(NET.replace("from my_layers", "from .own_layers"))
    builder = user_builders.register("package/net.py:Net", nets)
    assert (builder.root, builder.module) == (nets, "package.net")
    assert len(user_builders.named_outputs(user_builders.import_builder(builder)(), torch.zeros(1, 3, 8, 8))) == 3


def test_specs_of_ones_own_are_read_beside_the_catalog(nets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nets / "specs.yaml").write_text(
        "family: mine\ntask: classification\nprovenance: {paper: mine, code: own, license: MIT}\nmodels:\n"
        "  - id: my-net\n    title: MyNet\n    builder: my_net.py:Net\n    arguments: {width: 5}\n"
        "    inputs: [{name: image, shape: [3, 8, 8]}]\n"
        "    outputs: [{name: features}, {name: mean}, {name: largest}]\n"
    )
    monkeypatch.setattr(catalog, "_named_files", [])
    with pytest.raises(UnknownModelError):
        catalog.load_spec("my-net")
    try:
        monkeypatch.chdir(nets)
        catalog.forget()
        assert "my-net" in [spec.id for spec in catalog.list_specs()]
        with pytest.raises(SpecError, match=r"is built by Python code, my_net\.py:Net; name the file"):
            catalog.load_spec("my-net")
        os.chdir(nets.parent)
        catalog.use_specs(Path("nets/specs.yaml"))
        spec = catalog.load_spec("my-net")
        assert export_artifact(spec, "onnx", progress=lambda _: None).outputs[0].shape == (1, 5, 8, 8)
    finally:
        monkeypatch.undo()
        catalog.forget()


def test_arguments_and_inputs_are_read_as_python_writes_them() -> None:
    assert parse_arguments(
        "width=32,depths=[2,2,6],norm=batch,bias=True,rate=1e-3,head=None,size=(4, 4),text='a,b'"
    ) == {
        "width": 32,
        "depths": [2, 2, 6],
        "norm": "batch",
        "bias": True,
        "rate": 1e-3,
        "head": None,
        "size": (4, 4),
        "text": "a,b",
    }
    assert parse_module_input("mask=1x64x64:int32") == GivenInput("mask", (1, 64, 64), "int32")
    for wrong in ("3x0x4", "3x-1", "x", "image=", "3x4:complex64", "3×4"):
        with pytest.raises(UsageError, match="is not an input"):
            parse_module_input(wrong)
    with pytest.raises(UsageError, match="is not an argument"):
        parse_arguments("width 32")
