"""The extras: what each is for, and which one brings a package.

What an extra installs is in pyproject.toml alone, and is read from the metadata of the installed distribution.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "latency-bench"

PURPOSES = {
    "export": "building and exporting models to ONNX and PyTorch programs; the PyTorch runtime",
    "litert": "TFLite export and the LiteRT runtime: what `bench run --device local` uses by default",
    "onnxruntime": "the ONNX Runtime",
    "openvino": "OpenVINO, and NNCF for its int8",
    "ncnn": "ncnn, and pnnx, which makes its files",
    "mnn": "MNN",
    "executorch": "ExecuTorch with XNNPACK, and torchao, which makes its int8",
    "opencv": "OpenCV, which `--pipeline opencv` prepares photographs with",
    "coco": "COCO's masks and AP, for `bench accuracy` of promptable segmentation and, with `[opencv]`, of detectors",
    "zoo": "the models of others that papers compare (timm, transformers)",
    "tensorrt": "NVIDIA GPUs of this machine, with what [nvidia.md](docs/nvidia.md) says",
    "pycuda": "the same by pycuda, which needs CUDA's headers and a C++ compiler to be installed",
    "jetson": "the host side of Jetson boards: exporting; what runs on the board comes with it",
    "android": "phones, over `adb` or without it",
    "reports": "tables, figures, the HTML page",
    "campaign": "campaigns over several hosts (Dask)",
    "remote": "stores at addresses (`s3://...`)",
    "dev": "the tests",
}
"""In the order of pyproject.toml."""

_COMES_WITH = {
    "PIL": "pillow",
    "pynvml": "nvidia-ml-py",
    "torchvision": "timm",
    "markupsafe": "jinja2",
    "cuda": "cuda-python",
    "cv2": "opencv-python-headless",
}
"""Modules that a distribution of another name brings."""
_NOT_FOR_USERS = frozenset({"dev"})


def installed_distribution() -> Distribution | None:
    """Of the bench that is running. None where it runs without being installed: what a build leaves in a checkout is no
    installation."""
    return next((found for found in distributions(name=DISTRIBUTION) if found.read_text("INSTALLER")), None)


def extra_that_has(module: str | None) -> str | None:
    """The extra that brings a module; None for one that no extra has, whose absence is a fault of ours."""
    return _extras_by_distribution().get(_distribution_of(module)) if module else None


def least_extras(modules: Iterable[str]) -> tuple[str, ...]:
    """The extras that bring all these modules, without those that another one of them includes."""
    needed = {extra for module in modules if (extra := extra_that_has(module)) is not None}
    included = {inner for extra in needed for inner in _included(extra)}
    return tuple(extra for extra in PURPOSES if extra in needed - included)


def without_release(modules: Iterable[str]) -> tuple[str, ...]:
    """Those of the modules that an extra has for other Pythons than this one."""
    return tuple(
        module
        for module in modules
        if any(
            requirement.marker is not None and not requirement.marker.evaluate({"extra": extra})
            for extra, requirement in _requirements()
            if _canonical(requirement.name) == _distribution_of(module)
        )
    )


def complete_extras() -> tuple[str, ...]:
    """The extras whose every package is here, without those that another one of them includes."""
    there = {extra for extra in PURPOSES if extra not in _NOT_FOR_USERS and _is_complete(extra)}
    included = {inner for extra in there for inner in _included(extra)}
    return tuple(extra for extra in PURPOSES if extra in there - included)


def incomplete_extras() -> tuple[str, ...]:
    """The extras that lack a package here, in the order of PURPOSES; none where bench runs without being installed."""
    adding = {name for name, requirement in _requirements() if _canonical(requirement.name) != DISTRIBUTION}
    return tuple(extra for extra in PURPOSES if extra in adding - _NOT_FOR_USERS and not _is_complete(extra))


def _is_complete(extra: str) -> bool:
    own = [_canonical(requirement.name) for name, requirement in _requirements() if name == extra]
    inner = all(_is_complete(one) for one in _included(extra))
    others = [name for name in own if name != DISTRIBUTION]
    # An extra that adds nothing to those that it includes cannot be seen.
    return bool(others) and inner and all(map(_is_installed, others))


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


@cache
def _extras_by_distribution() -> dict[str, str]:
    """By distribution, the extra that pyproject.toml names it in first."""
    extras: dict[str, str] = {}
    for extra, requirement in _requirements():
        if extra not in _NOT_FOR_USERS:
            extras.setdefault(_canonical(requirement.name), extra)
    return extras


def _included(extra: str) -> Iterator[str]:
    """The extras that this one includes, directly or not."""
    for name, requirement in _requirements():
        if name == extra and _canonical(requirement.name) == DISTRIBUTION:
            for inner in requirement.extras:
                yield inner
                yield from _included(inner)


@cache
def _requirements() -> tuple[tuple[str, Requirement], ...]:
    """Every requirement of an extra, with the extra's name; nothing where bench runs without being installed."""
    from packaging.requirements import Requirement

    found = installed_distribution()
    lines = found.requires or [] if found is not None else []
    named = ((re.search(r"extra\s*==\s*[\"']([\w-]+)[\"']", line), line) for line in lines)
    return tuple((match[1], Requirement(line)) for match, line in named if match)


def _distribution_of(module: str) -> str:
    top = module.partition(".")[0]
    return _COMES_WITH.get(top, _canonical(top))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def this_python() -> str:
    """`3.14`"""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
