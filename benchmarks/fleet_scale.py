"""What a campaign of many devices and cases takes of the client, the scheduler and the hosts: memory, time, and whether
both grow with the number of cases alone.

    python benchmarks/fleet_scale.py --devices 100 --cases 10000 --hosts 10

The real client, Dask's scheduler and hosts, each a process of this computer; the devices answer at once
(scripts/clock_free_device.py), so that what is measured is the campaign's own work: a case is sent, measured in two
rounds into a store of its own, packed, sent back, checked, and stored. Prints a line for every tenth of the cases.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import click
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import clock_free_device
from fault_trial import SilentWatcher, settings_of, use_own_places
from loopback_lab import Lab, plan_on


class Meter(SilentWatcher):
    """Prints what it took so far, whenever another tenth of the cases is done."""

    def __init__(self, cases: int, processes: dict[str, list[psutil.Process]]) -> None:
        self._step = max(1, cases // 10)
        self._processes = processes
        self._done = 0
        self._failed = 0
        self._began_s = time.perf_counter()
        self._used_s = {name: _processor_s(those) for name, those in processes.items()}

    def attempted(self, attempt: Any) -> None:
        self._done += 1
        self._failed += attempt.failed
        if self._done % self._step == 0:
            cells = [str(self._done), str(self._failed), f"{time.perf_counter() - self._began_s:.0f}"]
            for name, those in self._processes.items():
                used_s = _processor_s(those) - self._used_s[name]
                cells += [f"{used_s:.0f}", f"{used_s / self._done * 1e3:.1f}", f"{_memory_bytes(those) / 2**20:.0f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


def _processor_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _memory_bytes(processes: list[psutil.Process]) -> float:
    return max(process.memory_info().rss for process in processes)


@click.command(help=__doc__.split("\n\n", 1)[0])
@click.option("--devices", default=100, show_default=True)
@click.option("--cases", default=10_000, show_default=True, help="On all devices together.")
@click.option("--hosts", default=10, show_default=True)
@click.option("--folder", type=click.Path(exists=True, file_okay=False), help="Where everything lies meanwhile.")
def main(devices: int, cases: int, hosts: int, folder: str | None) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    clock_free_device.register()
    names = [f"device-{number:03d}" for number in range(devices)]
    with tempfile.TemporaryDirectory(prefix="bench-scale-", dir=folder) as scratch:
        use_own_places(Path(scratch))
        lab = Lab(Path(scratch), devices=names)
        try:
            for number in range(hosts):
                lab.host(",".join(names[number::hosts]))
            _run(lab, names, cases // devices)
        finally:
            lab.end()


def _run(lab: Lab, names: list[str], cases_per_device: int) -> None:
    from latency_bench.harness.campaign.cluster import connected
    from latency_bench.harness.campaign.state import runs_by_case

    store = lab.folder / "store"
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, names, cases_per_device)
        scheduler, *hosts = (psutil.Process(process.pid) for process in lab.processes)
        meter = Meter(
            len(plan.cases), {"client": [psutil.Process(os.getpid())], "scheduler": [scheduler], "host": hosts}
        )
        columns = ["cases", "failed", "s"]
        for name in ("client", "scheduler", "all hosts"):
            columns += [f"{name}: processor, s", "of a case, ms", "memory, MiB (the largest host's)"]
        print(f"| {' | '.join(columns)} |\n{'|---:' * len(columns)}|", flush=True)
        cluster.run(plan, runs_by_case(plan, store), settings_of(plan, store), meter)
        found = runs_by_case(plan, store).values()
        print(f"\nevery case once: {all(len(one.rows) == 1 for one in found)}", flush=True)


if __name__ == "__main__":
    main()
