"""Installations as users make them: a wheel, built once, in environments of its own that uv makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A Python environment with bench in it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    @property
    def bench(self) -> Path:
        return self.folder / "bin/bench"

    def install(self, *words: str) -> None:
        """`uv pip install WORDS...` in it."""
        uv("pip", "install", "--quiet", "--python", str(self.python), *words)

    def uninstall(self, *names: str) -> None:
        uv("pip", "uninstall", "--quiet", "--python", str(self.python), *names)


def uv(*words: str) -> None:
    """Run uv; what it said is in the error where it fails."""
    done = subprocess.run([find_uv_bin(), *words], check=False, capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 0, done.stderr


def clean_environment() -> dict[str, str]:
    """Nothing that points at the development environment, or that changes what Python does."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "BENCH"))}


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of a parallel run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "installs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tree(shared_folder: Path, release: ModuleType) -> Path:
    """A copy of the repository's files without what lies about in a working copy."""
    copy = shared_folder / "tree"
    with FileLock(shared_folder / "tree.lock"):
        if not copy.exists():
            partial = shared_folder / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            release.copy_tree(partial)
            partial.rename(copy)
    return copy


@pytest.fixture(scope="session")
def release(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """scripts/release.py."""
    for sibling in ("scripts/check_wheel.py", "scripts/record_schema.py"):
        load_script(sibling)
    return load_script("scripts/release.py")


@pytest.fixture(scope="session")
def distributions(shared_folder: Path, tree: Path) -> Path:
    """The folder of the sdist, and of the wheel that was built from it."""
    folder = shared_folder / "dist"
    with FileLock(shared_folder / "dist.lock"):
        if not list(folder.glob("*.whl")):
            uv("build", "--quiet", "--out-dir", str(folder), str(tree))
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    (wheel,) = distributions.glob("*.whl")
    return wheel


@pytest.fixture
def make_environment(tmp_path: Path) -> Callable[[str], Environment]:
    """make_environment("3.11"): an empty environment; the version is that of the tests where none is given."""

    def make(python: str = sys.executable) -> Environment:
        folder = tmp_path / "environment"
        uv("venv", "--quiet", "--python", python, str(folder))
        return Environment(folder)

    return make


@pytest.fixture(scope="session")
def wheel_environment(shared_folder: Path, wheel: Path) -> Environment:
    """The wheel beside everything that the development environment has: all extras, with nothing to download."""
    environment = Environment(shared_folder / "wheel")
    with FileLock(shared_folder / "wheel.lock"):
        if not environment.bench.exists():
            uv("venv", "--quiet", "--clear", "--python", sys.executable, str(environment.folder))
            (site,) = environment.folder.glob("lib/python*/site-packages")
            # They come after the environment's own packages, and their .pth files are not read.
            (site / "development.pth").write_text("\n".join(_development_paths()) + "\n")
            environment.install("--no-deps", str(wheel))
    return environment


def _development_paths() -> list[str]:
    own = sysconfig.get_paths()
    return [path for path in dict.fromkeys([own["purelib"], own["platlib"], *sys.path]) if "site-packages" in path]
