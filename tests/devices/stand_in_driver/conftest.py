"""A driver compiled by the test, and NVIDIA's own packages of pinned versions over it.

`libcuda.c` and `libnvidia-ml.c` are compiled with the system's compiler and found by LD_LIBRARY_PATH, so that processes
of their own load them as they would load NVIDIA's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from uv import find_uv_bin

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CompileDriver = Callable[..., Path]
InstallPackages = Callable[..., Path]
OverDriver = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of a parallel run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "stand-in-driver"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def compile_driver(shared_folder: Path) -> CompileDriver:
    """compile_driver("BEFORE_535"): the folder of both libraries, for this driver."""
    if shutil.which("cc") is None:
        pytest.skip("the stand-in driver needs a C compiler")

    def compile_(*defines: str) -> Path:
        folder = shared_folder / "-".join(("driver", *defines))
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                partial = folder.with_name(f"{folder.name}-partial")
                partial.mkdir()
                for name in ("libcuda", "libnvidia-ml"):
                    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"]
                    names = [f"-Wl,-soname,{name}.so.1", "-o", str(partial / f"{name}.so.1")]
                    subprocess.run(
                        ["cc", *flags, *(f"-D{one}" for one in defines), *names, str(HERE / f"{name}.c")],
                        check=True,
                    )
                partial.rename(folder)
        return folder

    return compile_


@pytest.fixture(scope="session")
def install_packages(shared_folder: Path) -> InstallPackages:
    """install_packages("cuda-bindings==12.8.0", ...): a folder for PYTHONPATH with these packages and no others."""

    def install(*requirements: str, python: str | Path = sys.executable) -> Path:
        folder = shared_folder / "-".join(requirements).replace("=", "")
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                partial = folder.with_name(f"{folder.name}-partial")
                words = ["pip", "install", "--quiet", "--no-deps", "--python", str(python), "--target", str(partial)]
                done = subprocess.run(
                    [find_uv_bin(), *words, *requirements], capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stderr
                partial.rename(folder)
        return folder

    return install


@pytest.fixture(scope="session")
def over_driver(compile_driver: CompileDriver) -> OverDriver:
    """over_driver(packages, "BEFORE_535", STAND_IN_GPUS="1"): the environment of a process over this driver."""

    def environment(*packages: Path, defines: tuple[str, ...] = (), **variables: str) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("CUDA_", "STAND_IN_"))}
        paths = os.pathsep.join(map(str, (*packages, ROOT)))
        return {**kept, "LD_LIBRARY_PATH": str(compile_driver(*defines)), "PYTHONPATH": paths, **variables}

    return environment
