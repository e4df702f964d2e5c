"""`make` on computers with other Pythons, with an environment of an older one, and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FindPython = Callable[[str], Path | None]
PROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "latency-bench"
version = "0.1.0"
[project.optional-dependencies]
litert = []
dev = []
[project.scripts]
bench = "sys:exit"
[tool.setuptools]
packages = []
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make needs of a checkout, for a distribution that depends on nothing."""
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for script in ("set_up.sh", "torch_build.py"):
        shutil.copy(ROOT / "scripts" / script, folder / "scripts")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "setup.py").write_text("from setuptools import setup\n\nsetup()\n")
    (folder / "constraints.txt").write_text("")
    return folder


def make(checkout: Path, *words: str, pythons: dict[str, Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """`make WORDS` where only these Pythons are on PATH."""
    programs = checkout.parent / "programs"
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir()
    for folder in ("/bin", "/usr/bin"):
        for program in Path(folder).iterdir():
            if not program.name.startswith(("python", "pip")) and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    for name, python in pythons.items():
        # As pyenv does it: a link would make Python look for its library beside the link.
        (programs / name).write_text(f'#!/bin/sh\nexec {python} "$@"\n')
        (programs / name).chmod(0o755)
    kept = {"HOME": str(checkout.parent), "PATH": str(programs), **environment}
    kept.update({name: text for name, text in os.environ.items() if name.startswith("PIP_") and name not in kept})
    return subprocess.run(["make", *words], check=False, capture_output=True, text=True, cwd=checkout, env=kept)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Its lines but for make's own."""
    return [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make:")]


def test_without_any_python(checkout: Path) -> None:
    done = make(checkout, pythons={})
    assert done.returncode != 0
    (line,) = said(done)
    assert line.startswith("bench: needs Python 3.10 to 3.13. Install one")
    assert not (checkout / ".venv").exists()


def test_an_unsupported_python_is_told_in_one_line(checkout: Path, find_python: FindPython) -> None:
    old = find_python("3.9") or find_python("3.8")
    if old is None:
        pytest.skip("there is no older Python here")
    done = make(checkout, pythons={"python3": old})
    assert done.returncode != 0
    (line,) = said(done)
    assert "needs Python 3.10 to 3.13; python3 is 3." in line
    assert not (checkout / ".venv").exists()


def test_an_environment_of_an_older_python_is_told_in_one_line(checkout: Path, find_python: FindPython) -> None:
    old = find_python("3.9") or find_python("3.8")
    if old is None:
        pytest.skip("there is no older Python here")
    subprocess.run([old, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    done = make(checkout, pythons={"python3": Path(sys.executable)})
    assert done.returncode != 0
    (line,) = said(done)
    assert ".venv was made with Python 3." in line
    assert "make clean" in line


def test_what_is_installed_needs_no_network_after_a_pull_that_changed_nothing(checkout: Path) -> None:
    """Nor does it need every Python that is on PATH: a stand-in of pyenv's that does not run is passed over."""
    pythons = {"python3.11": Path("/nowhere"), "python3": Path(sys.executable)}
    # With an index that is named pip is not asked first what torch would bring.
    done = make(checkout, "local", pythons=pythons, PIP_EXTRA_INDEX_URL="")
    assert done.returncode == 0, done.stderr
    for name in ("pyproject.toml", "constraints.txt", "setup.py"):
        (checkout / name).touch()
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nowhere", "PIP_CONFIG_FILE": "/dev/null"}
    again = make(checkout, pythons=pythons, **offline)
    assert again.returncode == 0, again.stderr
    assert "installing" not in again.stdout
    (checkout / "constraints.txt").write_text("setuptools<1000\n")
    assert make(checkout, "local", pythons=pythons, **offline).returncode != 0
