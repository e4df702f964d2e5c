"""pycuda, compiled from its source against the headers in NVIDIA's wheels, and linked to the stand-in driver."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PycudaRelease:
    version: str
    headers: tuple[str, ...]
    """NVIDIA's wheels with the headers of CUDA for it."""
    numpy: str = ""
    """What it is compiled with where its build cannot have a NumPy of its own. It goes with later ones, too."""


NEWEST = PycudaRelease("2026.1", ("nvidia-cuda-runtime-cu12==12.9.79", "nvidia-cuda-profiler-api-cu12==12.9.79"))
LAST_FOR_PYTHON_36 = PycudaRelease(
    "2022.1", ("nvidia-cuda-runtime-cu11==11.8.89", "nvidia-cuda-profiler-api-cu11==11.8.86"), "numpy==1.13.3"
)


@dataclass(frozen=True)
class BuiltPycuda:
    """`folder` is for PYTHONPATH; a driver has to have the functions that are linked, or pycuda is not imported."""

    folder: Path
    linked_functions: tuple[str, ...]


def build(release: PycudaRelease, python: Path, kept: Path, driver: Path, install: Callable[..., Path]) -> BuiltPycuda:
    """In `kept`, where it stays; a minute or two the first time. `install` takes a folder, requirements, and what is
    not as usual: python, environment."""
    digest = hashlib.sha256(repr(release).encode()).hexdigest()[:8]
    folder = kept / f"pycuda-{release.version}-{python.resolve().name}-{digest}"
    if not folder.exists():
        nvidia = install(kept / "-".join(release.headers).replace("=", ""), *release.headers)
        headers = [str(next(nvidia.rglob(name)).parent) for name in ("cuda.h", "cudaProfiler.h")]
        home = kept / f"{folder.name}-home"
        home.mkdir(exist_ok=True)
        # Where pycuda's own build reads its configuration: it has no other place that an installer leaves alone.
        (home / ".aksetup-defaults.py").write_text(
            f"CUDA_INC_DIR = {headers!r}\n"
            f"CUDADRV_LIB_DIR = {[str(driver)]!r}\n"
            "CUDA_ENABLE_CURAND = CUDA_ENABLE_GL = False\n"
            "CXXFLAGS = ['-O0', '-w']\n"
        )
        environment = _at_home(home)
        if release.numpy:
            environment["PYTHONPATH"] = str(install(kept / f"{folder.name}-numpy", release.numpy, python=python))
        install(folder, f"pycuda=={release.version}", python=python, environment=environment)
        shutil.rmtree(home)
    (extension,) = folder.glob("pycuda/_driver*.so")
    return BuiltPycuda(folder, linked_functions(extension))


def linked_functions(library: Path) -> tuple[str, ...]:
    """Of CUDA's driver, that a library calls and does not have."""
    command = ["nm", "--dynamic", "--undefined-only", "--format=just-symbols", str(library)]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return tuple(sorted(name for name in names if name.startswith("cu")))


def _at_home(home: Path) -> dict[str, str]:
    """The environment of a user whose home this is, with the installers' settings that there are. Their caches are not
    to have this build: whoever installs pycuda here wants another."""
    settings = os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config"))
    # What the project pins is for the Pythons that it is tested with.
    left_out = ("PIP_CONSTRAINT", "UV_CONSTRAINT", "PIP_CACHE_DIR", "UV_CACHE_DIR", "XDG_CACHE_HOME")
    kept = {name: text for name, text in os.environ.items() if name not in left_out}
    return {**kept, "XDG_CONFIG_HOME": settings, "HOME": str(home)}
