"""Versions of everything on the host that can change a number."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.harness.export.formats import own_formats
from latency_bench.harness.git_checkout import checkout_of

_MODELS = ("timm", "transformers")
"""Packages that models are built from."""
_ROOT = Path(__file__).resolve().parent.parent


def software() -> dict[str, Any]:
    """Python, packages, and the commit of this program where it runs from a checkout, as SoftwareRecord names them."""
    facts: dict[str, Any] = {"python": platform.python_version(), "packages": _package_versions()}
    checkout = checkout_of(_ROOT) if (_ROOT / ".git").exists() else None
    if checkout is not None:
        facts["git_commit"], facts["git_dirty"] = checkout.commit, checkout.dirty
    return facts


def _package_versions() -> dict[str, str]:
    found = {}
    for name in sorted({"latency-bench", *export_packages(), *_runtime_packages()}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def export_packages() -> set[str]:
    """What an exported file depends on: hosts that export for each other need the same."""
    return {*_MODELS, *(name for target in own_formats() for name in target.distributions)}


def _runtime_packages() -> set[str]:
    return {"numpy", *(name for runtime in runtime_names() for name in runtime_class(runtime).DISTRIBUTIONS)}
