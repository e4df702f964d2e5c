"""Running the conversion in a process of its own, and understanding how it ended."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from bench_worker.failure import PROCESS_LIMIT_REMEDY
from bench_worker.quiet_libraries import TORCH_CACHES
from latency_bench.devices.host_memory import address_space_bytes, total_bytes
from latency_bench.devices.python_environment import own_module_path, python_environment
from latency_bench.harness.export.cache import no_space_error
from latency_bench.harness.export.errors import ExportError, ExportOutOfMemoryError, MissingPackageError
from latency_bench.harness.installation.requirements import explanation

LOG = "export.log"
REQUEST = "request.json"
INDUCTOR = "torchinductor"
POLL_S = 0.25
FULL_DISK_BYTES = 64 * 1024
"""A converter in C++ does not say why it could not write; with less than this left the reason is clear."""


def run_conversion(request: dict[str, Any], directory: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Convert in `directory`; returns the artifact as the converter describes it, with names for paths. Raises as
    `run_apart`."""
    artifact: dict[str, Any] = run_apart("latency_bench.harness.export.convert", request, directory, progress)[
        "artifact"
    ]
    return artifact


def run_apart(
    program: str, request: dict[str, Any], directory: Path, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Run a module of ours on the request, in `directory`; returns its event `done`.

    Raises ExportError, ExportOutOfMemoryError or CacheError (no space left). Whatever happens, KeyboardInterrupt
    included, no process is left behind.
    """
    path = directory / REQUEST
    path.write_text(json.dumps(request), encoding="utf-8")
    with (directory / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", program, REQUEST],
            cwd=directory,
            env={
                **python_environment(os.environ, same_python=True),
                "PYTHONPATH": own_module_path(),
                # torch makes this folder when it is imported, and would leave it in the one for temporary files.
                TORCH_CACHES: str(directory / INDUCTOR),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches the harness alone, and the harness decides
        )
        try:
            last, peak_bytes = follow(process, progress)
            exit_code = process.wait()
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            shutil.rmtree(directory / INDUCTOR, ignore_errors=True)
    path.unlink()
    if last.get("event") == "done" and exit_code == 0:
        return last
    raise failure(last, exit_code, peak_bytes, directory)


def follow(process: subprocess.Popen[bytes], progress: Callable[[str], None]) -> tuple[dict[str, Any], int]:
    """Pass stages on until the process closes its stdout; the last event, and the most memory that was seen."""
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    last: dict[str, Any] = {}
    peak_bytes = 0
    while True:
        try:
            line = lines.get(timeout=POLL_S)
        except queue.Empty:
            peak_bytes = max(peak_bytes, resident_bytes(process.pid))
            continue
        if line is None:
            return last, peak_bytes
        last = json.loads(line)
        if last["event"] == "stage":
            progress(last["name"])


def resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def failure(last: dict[str, Any], exit_code: int, peak_bytes: int, directory: Path) -> Exception:
    """The error to raise for a conversion that did not end well."""
    kind, message = last.get("kind"), last.get("message", "")
    if kind == "space" or shutil.disk_usage(directory).free < FULL_DISK_BYTES:
        return no_space_error(directory.parent.parent)
    if kind == "memory" and (limit_bytes := address_space_bytes()):
        limit = f"its address space is limited to {limit_bytes / 1e9:.1f} GB (ulimit -v)"
        return ExportError(f"the export ran out of memory, because {limit}: {PROCESS_LIMIT_REMEDY} ({message})")
    if kind == "memory":
        return ExportOutOfMemoryError(f"the export ran out of memory ({message}); {LESS_MEMORY}")
    if kind == "package":
        return MissingPackageError(explanation([message]))
    if kind == "export":
        return ExportError(message)
    during = f" while {last['name']}" if last.get("event") == "stage" else ""
    if hasattr(signal, "SIGKILL") and exit_code == -signal.SIGKILL:
        total_gb = total_bytes() / 1e9
        return ExportOutOfMemoryError(
            f"the export was killed{during}, as the system does when memory runs out "
            f"(it held {peak_bytes / 1e9:.1f} GB of {total_gb:.1f} GB); {LESS_MEMORY}"
        )
    how = f"by signal {-exit_code}" if exit_code < 0 else f"with exit code {exit_code}"
    return ExportError(f"the converter died {how}{during}")


LESS_MEMORY = "close other programs, export at a smaller resolution or batch, or on a larger machine"
