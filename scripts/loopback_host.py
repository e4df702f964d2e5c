"""A `bench host` whose device answers at once: as the command does, with the runner `clock-free` made known.

Arguments: address of the scheduler, folder for what it says, devices, then CA, certificate and key for TLS. Each
measurement leaves a file of its process's id there; while a file `hold` is there, it does not end. A file
`incomplete-PROCESS` makes it fail there as where a model's package is not installed. The variable BENCH_TEST_NUMPY
is the version of numpy that this host states to have. A file `hostile` says how it attacks whoever runs the campaign.
"""

from __future__ import annotations

import functools
import os
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import clock_free_device

import latency_bench.harness.software
from latency_bench.devices.parts import register_part
from latency_bench.harness.campaign import remote
from latency_bench.harness.campaign.cluster_settings import cluster_settings
from latency_bench.harness.campaign.host import serve


class HeldRunner(clock_free_device.ClockFreeRunner):
    """Says that it measures, and waits while it shall."""

    def measure(self, *arguments, **named):
        folder = Path(sys.argv[2])
        if (folder / f"incomplete-{os.getpid()}").exists():
            raise ModuleNotFoundError("No module named 'timm'", name="timm")
        (folder / f"measuring-{os.getpid()}-{uuid.uuid4().hex}").touch()
        while (folder / "hold").exists():
            time.sleep(0.02)
        return super().measure(*arguments, **named)


class EvilError(Exception):
    """Notes the process that unpickles it."""

    def __reduce__(self):
        return os.system, (f"echo $PPID >> {sys.argv[2]}/executed",)


def turn_hostile(way: str) -> None:
    """Answer a measurement with what runs code where it is unpickled."""

    def measure(*_):
        if way == "raises":
            raise EvilError
        return EvilError() if way == "returns" else {"nested": [EvilError()]}

    remote.measure = measure


if __name__ == "__main__":
    register_part("runner", HeldRunner)
    if "BENCH_TEST_NUMPY" in os.environ:
        real = latency_bench.harness.software.version
        stated = {"numpy": os.environ["BENCH_TEST_NUMPY"]}
        latency_bench.harness.software.version = lambda name: stated.get(name) or real(name)
    files = [Path(name) for name in sys.argv[4:]] or [None, None, None]
    settings = cluster_settings(sys.argv[1], *files, insecure=len(sys.argv) == 4)
    if (Path(sys.argv[2]) / "hostile").exists():
        turn_hostile((Path(sys.argv[2]) / "hostile").read_text())
    assert settings is not None
    serve(settings, sys.argv[3].split(","), functools.partial(print, flush=True))
