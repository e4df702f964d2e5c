"""Versions of everything on the host that can change a number."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

EXPORT_PACKAGES = (
    "torch",
    "onnx",
    "onnxscript",
    "onnxslim",
    "litert-torch",
    "litert-converter",
    "timm",
    "transformers",
)
"""What an exported file depends on: hosts that export for each other need the same."""
PACKAGES = ("latency-bench", *EXPORT_PACKAGES, "ai-edge-litert", "tflite-runtime", "onnxruntime", "numpy")
_ROOT = Path(__file__).resolve().parent.parent


def software() -> dict[str, Any]:
    """Python, packages, and the commit of this program where it runs from a checkout, as SoftwareRecord names them."""
    facts: dict[str, Any] = {"python": platform.python_version(), "packages": _package_versions()}
    commit = _git("rev-parse", "HEAD") if (_ROOT / ".git").exists() else None
    if commit:
        facts["git_commit"] = commit
        status = _git("status", "--porcelain", "--untracked-files=no")
        facts["git_dirty"] = None if status is None else status != ""
    return facts


def _package_versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(_ROOT), *words], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
