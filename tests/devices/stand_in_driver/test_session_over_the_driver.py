"""scripts/gpu_session.sh from its preparation to its results, on a Python that has PyTorch, NumPy and pyarrow alone.

The tests that want a GPU go through there with the real cuda-python, over the stand-in driver; PyTorch, which would ask
more of one, measures on the processor.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from uv import find_uv_bin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[3]
THERE = ("torch", "numpy", "pyarrow")
SETTINGS = {"RUNTIME": "torch", "FIRST": "", "THEN": "b0-cls-r224", "BUDGET_S": "900"}


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python with these packages and what they need, linked from the one of the tests."""
    folder = tmp_path / "bare"
    subprocess.run([find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in _with_needs(THERE):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(str(distribution.locate_file(top)))
    return folder / "bin/python"


def _with_needs(names: tuple[str, ...]) -> set[str]:
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed.add(name)
            requirements = map(Requirement, importlib.metadata.requires(name) or [])
            waiting += [one.name for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    return needed


def test_a_bare_machine_gets_what_it_lacks_and_runs_the_tests_for_a_gpu(
    bare_python: Path, compile_driver: Any, tmp_path: Path
) -> None:
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("BENCH_", "PYTHON")) and name not in ("PIP_CONSTRAINT", "CI")
    }

    def session(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["scripts/gpu_session.sh", *words]
        environment = {**kept, **SETTINGS, **variables}
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)

    version = ".".join(map(str, sys.version_info[:2]))
    prepared = session("prepare", str(tmp_path / "kept"), PYTHON=sys.executable, PYTHON_THERE=version)
    assert prepared.returncode == 0, prepared.stderr
    assert list((tmp_path / "kept/wheels").glob("cuda_bindings-12*"))
    done = session(
        *("run", str(tmp_path / "kept"), str(tmp_path / "out")),
        PYTHON=str(bare_python),
        LD_LIBRARY_PATH=str(compile_driver()),
        PYTEST_ADDOPTS="-k cuda-python",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = (tmp_path / "out/steps.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in steps] == [["probe", "0"], ["tests", "0"], ["b0-cls-r224-fp16", "0"]]
    with tarfile.open(tmp_path / "out/results.tgz") as packed:
        assert any(name.endswith("/record.json") for name in packed.getnames())
        log = packed.extractfile("logs/tests.log")
        assert log is not None
        assert "8 passed" in log.read().decode()
