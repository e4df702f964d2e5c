"""Kill a campaign at random points, over and over, and look what is left of its runs.

    python scripts/campaign_kills.py --kills 1000

A campaign on a device that answers at once (clock_free_device.py) runs in a process of its own, which is killed by
SIGKILL after a random time and begun again, until all its cases are done; then comes the next campaign. What a process
said to be stored before it was killed has to be there ever after (lost), every run has to be whole (torn), and no case
may have two results (double). Prints a Markdown table; exits with 1 if anything was lost, torn or double.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parent))

from fault_trial import SilentWatcher, end_with, settings_of, use_own_places

PRELOADED = [
    "clock_free_device",
    "latency_bench.harness.campaign.one_host",
    "latency_bench.harness.statistics.sample_flags",
    "latency_bench.harness.statistics.summary",
    "latency_bench.harness.store.listing",
    "latency_bench.harness.run_verdicts",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
]
"""Imported once, so that a process can be killed at its work and not among its imports."""
CASE_BATCH = 3


@dataclass
class Counts:
    """What happened, over all campaigns."""

    campaigns: int = 0
    kills: int = 0
    ends: int = 0
    """Processes that were done before they were killed."""
    finished: int = 0
    """Runs that a process said to be stored."""
    unannounced: int = 0
    """Runs that were stored by a process that was killed before it could say so."""
    leftovers: int = 0
    """Temporary folders of processes that were killed: no runs, and not taken for runs."""
    lost: int = 0
    torn: int = 0
    double: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.torn or self.double)


def run_one(folder: str, cases: int, said: Connection) -> None:
    """In a process of its own: go on with the campaign in `folder`, and say what is stored."""
    use_own_places(Path(folder))
    import clock_free_device

    from latency_bench.harness.campaign.one_host import run_campaign
    from latency_bench.harness.campaign.state import runs_by_case

    clock_free_device.register()
    plan = clock_free_device.clock_free_plan(Path(folder) / "files", cases, case_batch=CASE_BATCH)
    store = Path(folder) / "store"
    said.send("ready")
    run_campaign(plan, runs_by_case(plan, store), settings_of(plan, store, wait=True), _Teller(said))
    said.send("end")


class _Teller(SilentWatcher):
    """Only says what is stored."""

    def __init__(self, said: Connection) -> None:
        self._said = said

    def attempted(self, attempt: Any) -> None:
        self._said.send(attempt.run)


def kill_campaigns(folder: Path, kills: int, cases: int, longest_s: float, seed: int = 0) -> Counts:
    """Kill campaigns `kills` times in all, each after at most `longest_s` of its work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    generator = random.Random(seed)
    counts = Counts()
    while counts.kills < kills:
        counts.campaigns += 1
        _one_campaign(context, folder / f"campaign-{counts.campaigns}", kills, cases, longest_s, generator, counts)
    return counts


def _one_campaign(
    context: Any, folder: Path, kills: int, cases: int, longest_s: float, generator: random.Random, counts: Counts
) -> None:
    (folder / "files").mkdir(parents=True)
    stored: set[str] = set()
    ended = False
    while not ended:
        # The last campaign is brought to its end: only then is it known that nothing was lost or done twice.
        may_kill = counts.kills < kills
        pause_s = generator.uniform(0, longest_s) if may_kill else None
        words, ended = _one_process(context, folder, cases, pause_s)
        stored.update(words)
        counts.kills += may_kill and not ended
        counts.ends += ended
        counts.lost += sum(not (folder / "store" / run / "record.json").is_file() for run in words)
    counts.finished += len(stored)
    with context.Pool(1) as pool:
        runs, torn, leftovers, double = pool.apply(look_at, (str(folder), cases))
    counts.lost += len(stored - set(runs))
    counts.unannounced += len(set(runs) - stored)
    counts.torn += torn
    counts.leftovers += leftovers
    counts.double += double
    shutil.rmtree(folder)


def _one_process(context: Any, folder: Path, cases: int, pause_s: float | None) -> tuple[list[str], bool]:
    """The runs that it said to be stored, and whether it came to its end."""
    hears, says = context.Pipe(duplex=False)
    process = context.Process(target=run_one, args=(str(folder), cases, says))
    process.start()
    says.close()
    assert hears.recv() == "ready"
    if pause_s is not None:
        process.join(pause_s)
        process.kill()
    words = []
    try:
        while True:
            words.append(hears.recv())
    except EOFError:
        process.join()
    return [word for word in words if word != "end"], "end" in words


def look_at(folder: str, cases: int) -> tuple[list[str], int, int, int]:
    """The runs of a store, how many things in it are torn, what is left over of killed processes, and how many cases
    have not exactly one result."""
    import clock_free_device

    from latency_bench.harness.campaign.state import runs_by_case
    from latency_bench.harness.store.layout import temporary_pid
    from latency_bench.harness.store.reader import run_names
    from latency_bench.harness.store.verify import verify_store

    use_own_places(Path(folder))
    store = Path(folder) / "store"
    plan = clock_free_device.clock_free_plan(Path(folder) / "files", cases)
    findings = verify_store(store).findings
    leftovers = sum(temporary_pid(one.path.name) is not None for one in findings)
    double = sum(len(found.rows) != 1 for found in runs_by_case(plan, store).values())
    return run_names(store), len(findings) - leftovers, leftovers, double


@click.command()
@click.option("--kills", default=1000, show_default=True)
@click.option("--cases", default=12, show_default=True, help="In a campaign.")
@click.option("--longest-s", default=0.6, show_default=True, help="Work that a process gets done at most.")
@click.option("--folder", type=click.Path(exists=True, file_okay=False), help="Where the stores lie meanwhile.")
@click.option("--seed", default=0, show_default=True)
def main(kills: int, cases: int, longest_s: float, folder: str | None, seed: int) -> None:
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-kills-", dir=folder) as scratch:
        counts = kill_campaigns(Path(scratch), kills, cases, longest_s, seed)
    print(f"{time.monotonic() - started_s:.0f} s", file=sys.stderr)
    table = {
        "kills": counts.kills,
        "campaigns": counts.campaigns,
        "runs stored": counts.finished + counts.unannounced,
        "of these unannounced": counts.unannounced,
        "folders left over": counts.leftovers,
        "lost": counts.lost,
        "torn": counts.torn,
        "double": counts.double,
    }
    end_with(table, counts.is_clean)


if __name__ == "__main__":
    main()
