"""`bench export`: the int8 file is the one that the runtime it is for computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

NET = """\
import torch


class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 3), torch.nn.Flatten())
"""


@pytest.fixture
def net(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "net.py").write_text(NET)
    return "--module", "net.py:Net", "--input", "3x16x16", "--format", "onnx"


def zero_points(path: Path) -> set[int]:
    """Of everything that is quantised in the file."""
    graph = onnx.load(path).graph
    values = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    found = [values[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert found
    return set(np.concatenate([one.reshape(-1) for one in found]).tolist())


def test_an_int8_file_is_made_for_the_runtime_that_is_named(bench: Any, tmp_path: Path, net: tuple[str, ...]) -> None:
    for name, words in {"usual": (), "tensorrt": ("--runtime", "tensorrt")}.items():
        done = bench("export", *net, "--precision", "int8", *words, "--to", f"{name}.onnx")
        assert done.returncode == 0, done.stderr
    assert zero_points(tmp_path / "tensorrt.onnx") == {0}, "TensorRT takes no other"
    assert zero_points(tmp_path / "usual.onnx") != {0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--runtime", "litert", "--precision", "int8"), "--runtime litert loads no onnx file; there are"),
        (("--runtime", "tensorrt"), "only a file with --precision int8 differs between runtimes"),
        (("--module", "other.py:Net"), "this command takes one model"),
    ],
)
def test_what_it_cannot_make_is_refused(bench: Any, net: tuple[str, ...], words: tuple[str, ...], told: str) -> None:
    refused = bench("export", *net, *words)
    assert (refused.returncode, told in refused.stderr) == (2, True), refused.stderr


@pytest.mark.parametrize(("command", "repeatable"), [("export", False), ("accuracy", False), ("run", True)])
def test_help_says_whether_a_module_may_be_given_again(bench: Any, command: str, repeatable: bool) -> None:
    text = " ".join(bench(command, "--help").stdout.split())
    words = text[text.index("--module FILE.py:NAME") :].partition(" --")[0]
    assert "A network of your own" in words
    assert ("repeatable" in words) == repeatable
