"""The script for a GPU that can be had for minutes, here without one: each step once, in its time, then packed."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def session(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/gpu_session.sh", "run", str(folder / "kept"), str(folder / "out")],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "PYTHON": sys.executable,
            "RUNTIME": "torch",
            "FIRST": "",
            "TESTS": "tests/test_patience.py",
            "THEN": "b0-cls-r224",
            **variables,
        },
    )


def steps(folder: Path) -> dict[str, str]:
    lines = (folder / "out" / "steps.tsv").read_text().splitlines()
    return {name: outcome for name, outcome, _ in (line.split("\t") for line in lines)}


@pytest.mark.slow
def test_every_step_is_done_once_and_what_has_no_time_is_left(tmp_path: Path) -> None:
    first = session(tmp_path, TESTS="tests/no_such_test.py", BUDGET_S="600")
    assert first.returncode == 1, first.stdout + first.stderr
    assert steps(tmp_path) == {"probe": "0", "tests": "4", "b0-cls-r224-fp16": "0"}
    assert "no_such_test.py" in first.stdout
    with tarfile.open(tmp_path / "out" / "results.tgz") as packed:
        names = packed.getnames()
    assert "logs/tests.log" in names
    assert any(name.endswith("/record.json") for name in names)
    assert len(list((tmp_path / "out").iterdir())) <= 8

    again = session(tmp_path, THEN="b0-cls-r224 b1-cls-r224", BUDGET_S="9")
    assert again.returncode == 1
    assert "probe: done before" in again.stdout
    assert (steps(tmp_path)["tests"], steps(tmp_path)["b1-cls-r224-fp16"]) == ("no time left", "no time left")

    good = session(tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    assert steps(tmp_path)["tests"] == "0"


def test_what_is_missing_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    refused = session(tmp_path, RUNTIME="torch-cuda", PYTHON="/bin/false")
    assert refused.returncode == 2
    assert "these imports have to work first" in refused.stdout
    assert not (tmp_path / "out" / "steps.tsv").exists()
