"""A driver compiled by the test, and NVIDIA's own packages of pinned versions over it.

`libcuda.c` and `libnvidia-ml.c` are compiled with the system's compiler and found by LD_LIBRARY_PATH, so that processes
of their own load them as they would load NVIDIA's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from uv import find_uv_bin

sys.path.insert(0, str(Path(__file__).parent))

from real_pycuda import BuiltPycuda, PycudaRelease, build

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CompileDriver = Callable[..., Path]
InstallPackages = Callable[..., Path]
BuildPycuda = Callable[[PycudaRelease, Path], BuiltPycuda]
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
    """compile_driver("BEFORE_535"): the folder of both libraries, for this driver. `linked`: functions that a library
    has to find there; those that the driver does not know answer that they are not supported."""
    if shutil.which("cc") is None:
        pytest.skip("the stand-in driver needs a C compiler")

    def compile_(*defines: str, linked: tuple[str, ...] = ()) -> Path:
        digest = hashlib.sha256(" ".join(linked).encode()).hexdigest()[:8]
        folder = shared_folder / "-".join(("driver", *defines, *([digest] if linked else [])))
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                partial = folder.with_name(f"{folder.name}-partial")
                partial.mkdir()
                rest = partial / "not_supported.c"
                rest.write_text("".join(_NOT_SUPPORTED % name for name in linked))
                for name, sources in (("libcuda", ["libcuda.c", str(rest)]), ("libnvidia-ml", ["libnvidia-ml.c"])):
                    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"]
                    names = [f"-Wl,-soname,{name}.so.1", "-o", str(partial / f"{name}.so.1")]
                    subprocess.run(
                        ["cc", *flags, *(f"-D{one}" for one in defines), *names, *sources], check=True, cwd=HERE
                    )
                # The name by which a linker looks for it.
                (partial / "libcuda.so").symlink_to("libcuda.so.1")
                partial.rename(folder)
        return folder

    return compile_


_NOT_SUPPORTED = '__attribute__((weak, visibility("default"))) int %s(void) { return 801; }\n'
"""Weak: the driver's own function of this name comes first."""


def _install_words(python: str | Path) -> list[str]:
    """uv; for Python 3.6, which uv has left behind, the pip of that time. Where an index does not say which Python a
    setuptools needs, that pip builds with the newest: the one that is there has to build."""
    if Path(python).name == "python3.6":
        return [str(python), "-m", "pip", "install", "--no-warn-script-location", "--no-build-isolation"]
    return [find_uv_bin(), "pip", "install", "--python", str(python)]


def install_into(
    folder: Path, *requirements: str, python: str | Path = sys.executable, environment: dict[str, str] | None = None
) -> Path:
    """The folder, with these packages and no others."""
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}-partial")
            shutil.rmtree(partial, ignore_errors=True)
            words = [*_install_words(python), "--quiet", "--no-deps", "--target", str(partial), *requirements]
            done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
            assert done.returncode == 0, done.stderr[-4000:]
            partial.rename(folder)
    return folder


@pytest.fixture(scope="session")
def install_packages(shared_folder: Path) -> InstallPackages:
    """install_packages("cuda-bindings==12.8.0", ...): a folder for PYTHONPATH with these packages and no others."""

    def install(*requirements: str, python: str | Path = sys.executable) -> Path:
        tag = [] if python == sys.executable else [Path(python).name]
        folder = shared_folder / "-".join((*requirements, *tag)).replace("=", "")
        return install_into(folder, *requirements, python=python)

    return install


@pytest.fixture(scope="session")
def build_pycuda(compile_driver: CompileDriver, kept_folder: Path) -> BuildPycuda:
    """build_pycuda(release, python): compiled once, and kept between runs."""
    for program in ("c++", "nm"):
        if shutil.which(program) is None:
            pytest.skip(f"pycuda is compiled here, which needs {program}")

    def build_(release: PycudaRelease, python: Path) -> BuiltPycuda:
        return build(release, python, kept_folder, compile_driver(), install_into)

    return build_


@pytest.fixture(scope="session")
def over_driver(compile_driver: CompileDriver) -> OverDriver:
    """over_driver(packages, defines=("BEFORE_535",), STAND_IN_GPUS="1"): the environment of a process over this driver,
    which has the functions in `linked`."""

    def environment(
        *packages: Path, defines: tuple[str, ...] = (), linked: tuple[str, ...] = (), **variables: str
    ) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("CUDA_", "STAND_IN_"))}
        paths = os.pathsep.join(map(str, (*packages, ROOT)))
        driver = compile_driver(*defines, linked=linked)
        return {**kept, "LD_LIBRARY_PATH": str(driver), "PYTHONPATH": paths, **variables}

    return environment
