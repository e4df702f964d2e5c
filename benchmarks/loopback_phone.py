"""A phone for benchmarks on a machine that has none: the real adbd and a real benchmark_model, on loopback.

Needs root and Debian's mirror, as the tests do (docs/testing.md). The figures are this machine's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/devices/adb"))

from build_benchmark_model import build
from debian_adbd import FIRST_PORT, Daemon, Namespace, adbd_root

from latency_bench.devices.device import Device
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_program import find_program


@contextmanager
def loopback_phone(folder: Path) -> Iterator[Device]:
    """The device while the daemon runs. `folder` keeps what is fetched and built, minutes the first time."""
    folder = folder.absolute()
    (folder / "programs").mkdir(parents=True, exist_ok=True)
    (folder / "home").mkdir(exist_ok=True)
    root, tool = adbd_root(folder), build(folder / "benchmark_model-2.14.1")
    # Of its own: the user's keys and a server that runs already are left alone.
    os.environ["HOME"] = str(folder / "home")
    namespace = Namespace()
    try:
        with namespace.entered():
            daemon = Daemon(root, FIRST_PORT, folder / "programs", folder / "adbd.log")
            try:
                yield Device.model_validate(
                    {
                        "name": "loopback",
                        "transport": "adb",
                        "runner": "benchmark_model",
                        "probes": ("android",),
                        "adb": {"host": "127.0.0.1", "port": daemon.port, "folder": str(folder / "device")},
                        "benchmark_model": {"binary": tool},
                    }
                )
            finally:
                subprocess.run([find_program(AdbOptions()), "kill-server"], check=False, capture_output=True)
                daemon.kill()
    finally:
        namespace.close()
