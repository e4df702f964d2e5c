"""Importing torchvision beside a torch that fits, one that does not, and after an attempt that failed.

What torch's operator registry and sys.modules hold is global, so every case runs in an interpreter of its own, with a
package called torchvision that behaves as the real one does at import.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from warm_python import WarmPython, run_warm

from latency_bench.model_specs.architectures import torchvision_import

PACKAGE = Path(torchvision_import.__file__).parents[2]
SHAPE_FUNCTIONS = """
import torch
from torchvision import extension
@torch.library.register_fake("torchvision::nms")
def nms(boxes, scores, threshold):
    return boxes.new_empty(0)
"""


@pytest.fixture
def torchvision(tmp_path: Path) -> Path:
    """A folder for sys.path with a torchvision whose import does what `__init__.py` will be made to say."""
    package = tmp_path / "site" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SHAPE_FUNCTIONS)
    (package / "extension.py").write_text("")
    return package


Interpret = Callable[[Path, str], str]


@pytest.fixture(scope="module")
def torch_server() -> Iterator[str]:
    """Every case is forked from a Python that has imported torch, and nothing of torchvision."""
    with WarmPython(["torch"], os.environ) as server:
        yield server.socket


@pytest.fixture
def interpret(torch_server: str, tmp_path: Path) -> Interpret:
    """interpret(package, code): what the code prints in a process of its own, with that package before all others."""

    def run(package: Path, code: str) -> str:
        path = f"import sys; sys.path[:0] = [{str(package.parent)!r}, {str(PACKAGE)!r}]\n"
        prepare = "from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision\n"
        (tmp_path / "torchvision_case.py").write_text(path + prepare + code)
        done = run_warm(torch_server, "torchvision_case", [], cwd=tmp_path, env=os.environ, timeout_s=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_pair_that_does_not_fit_imports_with_operators_that_refuse_to_run(
    interpret: Interpret, torchvision: Path
) -> None:
    output = interpret(
        torchvision,
        "prepare_torchvision(); prepare_torchvision()\n"
        "import torch, torchvision\n"
        "print(torchvision.__file__)\n"
        "try: torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)\n"
        "except NotImplementedError as error: print('no kernel')",
    )
    assert output.split("\n")[0] == str(torchvision / "__init__.py")
    assert "no kernel" in output


@pytest.mark.parametrize(
    "file", ["operators.py", *(pytest.param(known, marks=pytest.mark.slow) for known in ("_C.so", "_C_stable.so"))]
)
def test_a_pair_that_fits_is_left_alone_whatever_its_files_are_called(
    interpret: Interpret, torchvision: Path, file: str
) -> None:
    (torchvision / file).write_text("")
    # Registering its own operator fails if somebody declared it before; from a compiled library it ends the process.
    (torchvision / "__init__.py").write_text(
        "import torch\n"
        "library = torch.library.Library('torchvision', 'DEF')\n"
        "library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n" + SHAPE_FUNCTIONS
    )
    output = interpret(
        torchvision, "prepare_torchvision()\nimport torch\nprint(hasattr(torch.ops.torchvision, 'qnms'))"
    )
    assert output.strip() == "False", "an operator was declared although torchvision has its own"


def test_every_operator_that_the_import_lacks_is_declared(interpret: Interpret, torchvision: Path) -> None:
    more = SHAPE_FUNCTIONS + SHAPE_FUNCTIONS.replace("nms", "one_of_next_year")
    (torchvision / "__init__.py").write_text(more)
    output = interpret(
        torchvision, "prepare_torchvision()\nimport torch\nprint(torch.ops.torchvision.one_of_next_year)"
    )
    assert output.strip() == "torchvision.one_of_next_year"


def test_what_a_failed_import_left_behind_is_replaced(interpret: Interpret, torchvision: Path) -> None:
    output = interpret(
        torchvision,
        "try: import torchvision\n"
        "except RuntimeError as error: print(error)\n"
        "stale = sys.modules['torchvision.extension']\n"
        "prepare_torchvision()\n"
        "import torchvision\n"
        "print(torchvision.extension is sys.modules['torchvision.extension'] is not stale)",
    )
    assert output.split("\n")[:2] == ["operator torchvision::nms does not exist", "True"]


def test_another_failure_is_reported_and_leaves_nothing_half_imported(interpret: Interpret, torchvision: Path) -> None:
    (torchvision / "__init__.py").write_text("from torchvision import extension\nraise RuntimeError('worn out')")
    output = interpret(
        torchvision,
        "from latency_bench.model_specs.errors import SpecError\n"
        "try: prepare_torchvision()\n"
        "except SpecError as error: print(error)\n"
        "print([name for name in sys.modules if name.startswith('torchvision')])",
    )
    assert "worn out" in output
    assert str(torchvision) in output
    assert output.rstrip().endswith("[]")


def test_the_installed_pair_lets_timm_be_imported(interpret: Interpret) -> None:
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    assert interpret(PACKAGE, "prepare_torchvision()\nimport timm\nprint(timm.is_model('resnet18'))").strip() == "True"
