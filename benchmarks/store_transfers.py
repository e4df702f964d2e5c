"""How long it takes to list a store for the first time, to verify, archive and import it; against an older version too.

    git worktree add ../older 326b2a2
    python benchmarks/store_transfers.py --runs 4000 --against ../older
    python benchmarks/store_transfers.py --runs 20000 --records --against ../older

Makes a store of so many runs, copies of those in results/ under new ids. Every command runs in a process of its own, as
a user would start it, the versions in turn. Prints wall seconds, which the disk takes part in (an import forces what it
stores to the disk), and seconds of the processor, which others on the machine disturb less.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from latency_bench.harness.store.layout import CHECKSUMS_FILE, RECORD_FILE
from latency_bench.harness.store.reader import run_paths

ROOT = Path(__file__).parents[1]
STEPS = ("first ls", "second ls", "first verify", "second verify", "archive", "import", "import of unknown runs")
"""Everything but the last is done with what the steps before it left in the cache."""


@dataclass(frozen=True)
class Version:
    """A checkout, and where its commands leave things."""

    name: str
    checkout: Path
    scratch: Path

    def seconds(self, step: str, store: Path) -> tuple[float, float]:
        """Wall and processor seconds of a step."""
        words = self._words(step, store)
        code = f"import sys; sys.argv[0] = 'bench'; from {self._package}.cli.main import main; main()"
        cache = self.scratch / ("empty" if step == "import of unknown runs" else "cache")
        environment = {**os.environ, "BENCH_CACHE": str(cache), "PYTHONPATH": str(self.checkout)}
        began_s, used_before_s = time.perf_counter(), _processor_s()
        subprocess.run(
            [sys.executable, "-c", code, "results", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.checkout,
            env=environment,
        )
        return time.perf_counter() - began_s, _processor_s() - used_before_s

    @property
    def _package(self) -> str:
        return "latency_bench.harness" if (self.checkout / "latency_bench").is_dir() else "harness"

    def _words(self, step: str, store: Path) -> list[str]:
        tar = self.scratch / "runs.tar"
        if step == "archive":
            is_named_so = (self.checkout / "harness" / "cli" / "results" / "archiving.py").exists()
            return ["archive" if is_named_so else "export", "--to", str(tar), "--store", str(store)]
        if step.startswith("import"):
            return ["import", str(tar), "--store", str(self.scratch / step.replace(" ", "-"))]
        return [step.split()[-1], "--store", str(store)]


def _processor_s() -> float:
    used = os.times()
    return used.children_user + used.children_system


def make_store(store: Path, runs: int, whole: bool = True) -> None:
    """Copies of the repository's own runs: their records, samples, telemetry and logs, or their records alone."""
    originals = run_paths(ROOT / "results")
    for number in range(runs):
        original = originals[number % len(originals)]
        run_id = f"20260101T000000Z-{number:06x}"
        folder = store / original.parent.parent.name / original.parent.name / run_id
        content = (original / RECORD_FILE).read_bytes().replace(original.name.encode(), run_id.encode())
        if whole:
            shutil.copytree(original, folder, ignore=shutil.ignore_patterns(RECORD_FILE))
        else:
            folder.mkdir(parents=True)
        (folder / RECORD_FILE).write_bytes(content)
        sums = folder / CHECKSUMS_FILE
        if sums.exists():
            lines = sums.read_text().splitlines()
            digest = hashlib.sha256(content).hexdigest()
            changed = [f"{digest}  {RECORD_FILE}" if line.endswith(f"  {RECORD_FILE}") else line for line in lines]
            sums.chmod(0o644)
            sums.write_text("\n".join(changed) + "\n")


@click.command(help=__doc__.split("\n", 1)[0])
@click.option("--runs", default=1000, show_default=True)
@click.option("--against", type=click.Path(exists=True, file_okay=False, path_type=Path), help="An older checkout.")
@click.option("--only", type=click.Choice(STEPS), multiple=True, help="These steps alone, in the order of all.")
@click.option(
    "--records", is_flag=True, help="Records alone, which lists read: `ls` for the first and the second time."
)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk that is to take part.")
def main(runs: int, against: Path | None, only: tuple[str, ...], records: bool, folder: Path | None) -> None:
    only = STEPS[:2] if records else only
    with tempfile.TemporaryDirectory(dir=folder) as made:
        scratch = Path(made).resolve()
        make_store(scratch / "store", runs, whole=not records)
        checkouts = {"now": ROOT} if against is None else {"before": against.resolve(), "now": ROOT}
        versions = [Version(name, checkout, scratch / name) for name, checkout in checkouts.items()]
        for version in versions:
            version.scratch.mkdir()
        print(f"| {runs} runs | version | s | ms a run | processor, s | of a run, ms |\n|---|---|---:|---:|---:|---:|")
        for step in (step for step in STEPS if not only or step in only):
            for version in versions:
                wall_s, processor_s = version.seconds(step, scratch / "store")
                cells = (f"{wall_s:.1f}", f"{wall_s / runs * 1e3:.2f}", f"{processor_s:.1f}")
                print(f"| {step} | {version.name} | {' | '.join(cells)} | {processor_s / runs * 1e3:.2f} |", flush=True)


if __name__ == "__main__":
    main()
