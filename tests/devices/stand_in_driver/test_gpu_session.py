"""scripts/gpu_session.sh from end to end.

The machine has PyTorch, numpy and pandas alone, the stand-in driver in place of a GPU's, and a build of PyTorch for
processors.
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

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SCRIPT = str(ROOT / "scripts/gpu_session.sh")
THERE = ("torch", "numpy", "pandas")


def _with_needs(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name.lower() in found:
            continue
        found.add(name.lower())
        for line in importlib.metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python with these packages and what they need, linked from the tests' own."""
    folder = tmp_path / "bare"
    subprocess.run([find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in _with_needs(THERE):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__", "bin"}:
            if not (site / top).exists():
                (site / top).symlink_to(str(distribution.locate_file(top)))
    return folder / "bin/python"


def test_a_bare_machine_gets_what_it_lacks_and_does_the_steps_by_worth(
    bare_python: Path, compile_driver: Any, tmp_path: Path
) -> None:
    folder, out = tmp_path / "session", tmp_path / "out"
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("BENCH_", "PYTHON"))}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    prepared = subprocess.run(
        [SCRIPT, "prepare", str(folder)],
        env={**kept, "PYTHON": sys.executable, "PREPARE_PYTHON_VERSION": version},
        capture_output=True,
        text=True,
        check=False,
    )
    assert prepared.returncode == 0, prepared.stderr
    trial = {
        "PYTHON": str(bare_python),
        "RUNTIME": "torch",
        "FIRST": "b0-cls-r224",
        "MODELS": "",
        "PAIRS": "",
        "SIZES": "--resolution 64",
        "STREAMS": "1",
        "LD_LIBRARY_PATH": str(compile_driver()),
    }

    def run(**changes: str) -> subprocess.CompletedProcess[str]:
        words = [SCRIPT, "run", str(folder), str(out)]
        return subprocess.run(words, env={**kept, **trial, **changes}, capture_output=True, text=True, check=False)

    late = run(DEADLINE_S="1")
    assert "not begun, no time left" in late.stdout
    done = run(DEADLINE_S="560")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = (out / "summary.txt").read_text()
    for step in ("install", "imports", "probe", "contract", "export-b0-cls-r224", "run-b0-cls-r224-half"):
        assert f"{step}: done" in summary
    assert {path.name for path in out.iterdir()} == {"results.tar.gz", "logs.tar.gz", "summary.txt"}
    with tarfile.open(out / "results.tar.gz") as results:
        assert any(name.endswith("record.json") for name in results.getnames())
    with tarfile.open(out / "logs.tar.gz") as logs:
        contract = logs.extractfile("logs/contract.log")
        assert contract is not None
        assert " passed" in contract.read().decode()
    again = run()
    assert "contract: done before" in again.stdout
