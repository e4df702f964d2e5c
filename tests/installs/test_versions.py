"""The lowest versions that pyproject.toml allows, and the newest: a command of every group, and every runtime.

Without torch, and what torch exports; scripts/install_trial.py tries the other extras and Pythons.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from uv import find_uv_bin

LIGHT = ("reports", "remote", "campaign")
"""The extras that need no torch."""
RUNTIMES = {
    "onnxruntime": ("onnx", "onnxruntime"),
    "litert": ("ai-edge-litert",),
    "openvino": ("openvino",),
    "mnn": ("mnn",),
    "ncnn": ("ncnn",),
}
"""Of each extra, what runs a model file that is there already."""
CONVERTED_THERE = ("mnn", "ncnn")
"""Runtimes whose files nobody brings: they are converted from the model, by torch. Their worker is started instead."""
ROOT = Path(__file__).parents[2]
(_SUPPORTED,) = re.findall(r'^supported="(.*)"', (ROOT / "scripts/set_up.sh").read_text(encoding="utf-8"), re.M)
PYTHONS = sorted(_SUPPORTED.split(), key=lambda version: int(version.partition(".")[2]))
"""For which `make bench` and `make test` install what is pinned."""


@pytest.fixture(scope="module")
def commands(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/installed_commands.py")


@pytest.fixture(scope="module")
def trial(load_script: Callable[[str], ModuleType], commands: ModuleType) -> ModuleType:
    return load_script("scripts/install_trial.py")


@pytest.fixture
def folder(tmp_path: Path, bench: Any) -> Path:
    """An empty folder with a small file for each runtime, of a form that old versions read too."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made = tmp_path / "empty"
    made.mkdir()
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 16, 16])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 4, 14, 14])
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "weights")
    node = helper.make_node("Conv", ["image", "weights"], ["logits"])
    graph = helper.make_graph([node], "small", [image], [logits], [weights])
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), made / "model.onnx")
    model = ("--model", "b0-cls-r224", "--resolution", "64x64", "--format", "tflite")
    exported = bench("export", *model, "--to", str(made / "model.tflite"))
    assert exported.returncode == 0, exported.stderr
    devices = {name: {"runtime": name} for name in CONVERTED_THERE}
    (made / "devices.yaml").write_text(json.dumps({"devices": devices}))
    return made


def requirements(trial: ModuleType, wheel: Path) -> list[str]:
    """Of the core, of the light extras, and of the runtimes alone."""
    declared = trial.Wheel(wheel)
    whole = [line for extra in LIGHT for line in declared.requirements(extra)]
    runtimes = [
        line
        for extra, names in RUNTIMES.items()
        for line in declared.requirements(extra)
        if trial.distribution_of(line) in names
    ]
    return list(dict.fromkeys([*whole, *runtimes]))


@pytest.mark.slow
@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_a_command_of_every_group_and_a_run_on_each_runtime_work(
    make_environment: Callable[[], Any],
    wheel: Path,
    folder: Path,
    bench_environment: dict[str, str],
    commands: ModuleType,
    trial: ModuleType,
    resolution: str,
) -> None:
    environment = make_environment()
    environment.install("--resolution", resolution, *requirements(trial, wheel), f"{wheel}[{','.join(LIGHT)}]")
    own = {name: text for name, text in bench_environment.items() if name not in ("BENCH_STORE", "PYTHONPATH")}
    files = [f"--onnx model.onnx --runtime {runtime}" for runtime in ("onnxruntime", "openvino")]
    runs = [f"{commands.RUN} {file}" for file in (*files, "--tflite model.tflite")]
    runs += [f"devices doctor {runtime}" for runtime in CONVERTED_THERE]
    own["BENCH_DEVICES"] = str(folder / "devices.yaml")
    light = [words for extra in LIGHT for words in commands.BY_EXTRA[extra] if words != commands.IMPORT]
    commands.run_all(environment.bench, [*commands.CORE, *runs, *commands.AFTER_A_RUN, *light], folder, own)


@pytest.mark.slow
@pytest.mark.parametrize("versions", ["lowest", "newest"])
@pytest.mark.timeout(3600)
def test_what_torch_exports_is_measured(trial: ModuleType, wheel: Path, tmp_path: Path, versions: str) -> None:
    """With the runtimes of torch and ONNX Runtime, by their extras. torch is large where its index has no CPU build."""
    results = tmp_path / "cells.jsonl"
    words = ["--results", str(results), "--wheel", str(wheel), "--python", sys.executable, "--versions", versions]
    trial.main([*words, "--extra", "onnxruntime", "--extra", "export"])
    assert {cell.extra: cell.said for cell in trial.read(results)} == {"onnxruntime": "", "export": ""}


def test_the_lowest_versions_are_those_that_pyproject_names(trial: ModuleType, wheel: Path) -> None:
    declared = trial.Wheel(wheel)
    assert "click>=8.4" in declared.requirements(trial.CORE)
    assert {trial.distribution_of(line) for line in declared.requirements("android")} >= {"torch", "adbutils"}
    assert not any("extra ==" in line for extra in declared.extras for line in declared.requirements(extra))


def test_a_pin_is_for_pythons_that_its_version_goes_with() -> None:
    """Where the index has none for a Python, pip says that nothing can be installed: such a pin needs a marker."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    wrong, looked_at = [], 0
    for pin in map(Requirement, filter(None, lines)):
        try:
            installed = metadata.distribution(pin.name)
        except metadata.PackageNotFoundError:
            continue
        looked_at += 1
        goes_with = SpecifierSet(installed.metadata.get("Requires-Python", ""))
        for python in PYTHONS:
            applies = pin.marker is None or pin.marker.evaluate({"python_version": python})
            if applies and installed.version in pin.specifier and f"{python}.99" not in goes_with:
                wrong.append(f"{pin} on Python {python}: needs {goes_with}")
    assert wrong == []
    assert "3.10" in PYTHONS
    assert looked_at > 30


@pytest.mark.parametrize(
    "python", [PYTHONS[0], PYTHONS[-1], *(pytest.param(python, marks=pytest.mark.slow) for python in PYTHONS[1:-1])]
)
def test_what_development_needs_goes_together_with_the_pins(python: str, tmp_path: Path) -> None:
    """All runtimes, converters and tools in one environment, as `make test` makes it; nothing of it is fetched."""
    pins = ("--constraints", str(ROOT / "constraints.txt"))
    chosen = tmp_path / "chosen.txt"
    words = ("--python-version", python, *pins, "--extra", "dev", "--output-file", str(chosen))
    command = [find_uv_bin(), "pip", "compile", "--quiet", *words, str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = {re.split("[=<>@; ]", line)[0] for line in chosen.read_text().splitlines()}
    assert {"torch", "litert-torch", "cryptography", "s3fs", "pytest"} <= names


def test_a_trial_says_what_works_and_resumes(
    trial: ModuleType, wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--results", str(tmp_path / "cells.jsonl"), "--wheel", str(wheel), "--python", sys.executable]
    words += ["--extra", "remote", "--versions", "newest"]
    for options, outcome in ((["--resolve"], "resolves"), ([], "works")):
        # That versions go together is no answer to whether they work, and need not be asked where they do.
        assert trial.main([*words, *options]) == 0
        (cell,) = trial.read(tmp_path / "cells.jsonl")
        assert (cell.extra, cell.versions, cell.works) == ("remote", "newest", True)
        assert "fsspec " in cell.installed
        capsys.readouterr()
        for again in (options, ["--resolve"]):
            assert trial.main([*words, *again]) == 0
            assert capsys.readouterr().out == ""
        assert trial.main([*words, "--table"]) == 0
        assert f"| remote | newest | {outcome} |" in capsys.readouterr().out


def test_a_choice_that_nothing_satisfies_is_told(trial: ModuleType, wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(tmp_path / wheel.name, "w") as other:
        for name in archive.namelist():
            text = archive.read(name)
            other.writestr(name, text.replace(b"click>=8.4", b"click<1") if name.endswith("METADATA") else text)
    words = ["--results", str(tmp_path / "cells.jsonl"), "--wheel", str(tmp_path / wheel.name), "--resolve"]
    assert trial.main([*words, "--python", sys.executable, "--extra", trial.CORE, "--versions", "pinned"]) == 1
    (cell,) = trial.read(tmp_path / "cells.jsonl")
    assert not cell.works
    assert "click" in cell.said
