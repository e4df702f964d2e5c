"""Which build of torch an installation is about to bring: without an NVIDIA GPU the one for CPUs, unasked.

scripts/set_up.sh runs it with the Python that is installed into, before pip. On stdout: options for pip, or nothing. On
stderr: what comes, where that is more than the CPU build.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own: its `+cpu` build of a pinned version is preferred to the build without a suffix."""
PATIENCE_S = 5.0
"""For an index to answer, and for the size of a file."""
PLAN_PATIENCE_S = 60.0
"""For pip to say what it would fetch: it downloads what tells it, and a line may be slow or dead."""
OF_GPUS = ("nvidia-", "cuda-", "triton")
"""How the names of packages begin that CUDA comes in."""
GPU_FILES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/dxg")
"""Of NVIDIA's driver, on a Jetson, and in WSL."""


def main() -> None:
    if sys.platform != "linux" or any(map(os.path.exists, GPU_FILES)) or _pip_has_its_own_index():
        return
    if answers(CPU_INDEX):
        print(f"--extra-index-url {CPU_INDEX}")
    elif (planned := _planned()) and (words := what_comes(planned)):
        print(f"==> {words}", file=sys.stderr)


def _pip_has_its_own_index() -> bool:
    """Whether the user has said where packages come from, by file or environment: nothing is added to that."""
    done = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True)
    names = [line.partition("=")[0].rpartition(".")[2] for line in done.stdout.splitlines()]
    return any(name in ("index-url", "extra-index-url", "no-index") for name in names)


def answers(index: str) -> bool:
    """Whether an index has torch and says so within seconds."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=PATIENCE_S) as reply:
            return b"cpu" in reply.read(1_000_000)
    except (OSError, ValueError):
        return False


def _planned() -> list[Mapping[str, Any]]:
    """What pip would fetch for torch; empty where it cannot tell in time."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", "torch"]
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=PLAN_PATIENCE_S,
        )
        report = json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return []
    return list(report["install"])


def what_comes(planned: Iterable[Mapping[str, Any]]) -> str | None:
    """What is said of an installation that brings CUDA; None for one without it."""
    sizes = {
        one["metadata"]["name"].lower().replace("_", "-"): size_bytes(one["download_info"]["url"]) for one in planned
    }
    if not any(name.startswith(OF_GPUS) for name in sizes):
        return None
    known = sum(size for size in sizes.values() if size is not None)
    at_least = "at least " if None in sizes.values() else ""
    return (
        f"torch comes with CUDA, {len(sizes)} packages of {at_least}{known / 1e9:.1f} GB: {CPU_INDEX}, which has the "
        "CPU build, does not answer. PIP_EXTRA_INDEX_URL names another index that has it"
    )


def size_bytes(url: str) -> int | None:
    """Of a file at an address; None where its server does not say."""
    try:
        if url.startswith("file://"):
            return Path(urllib.request.url2pathname(url.removeprefix("file://"))).stat().st_size
        asked = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as reply:
            length = reply.headers.get("Content-Length")
            return None if length is None else int(length)
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    main()
