"""Send signals to `bench run` at random moments, and look what is left.

    python scripts/signal_trial.py --count 1000

Each run has a store, a folder for temporary files and locks of its own. After SIGINT, SIGTERM and SIGHUP nothing may be
left in either, and no process; after SIGKILL the store may hold an unfinished folder, which is no damage and which the
next run removes, and there may be files in the folder for temporary files, which nothing removes yet.
Prints counts by signal, and ends with code 1 where something was left.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from latency_bench.harness.store.left_overs import remove_left_overs
from latency_bench.harness.store.verify import verify_store

PROTOCOL = """name: trial
rounds: 2
campaign_rounds: 2
warmup: {min_count: 2, max_count: 50, min_s: 0.05, max_s: 0.5, window: 5}
sampling: {min_count: 30, max_count: 500, min_s: 0.5, max_s: 5, relative_interval: null, confidence: 0.95}
"""
MODEL = ("--model", "b0-cls-r224", "--resolution", "64x64", "--runtime", "onnxruntime")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
LONGEST_S = 8.0
"""After the start; a signal that comes later than the end of a run counts as not sent."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--count", type=int, default=100, help="signals")
    options.add_argument("--seed", type=int, default=0, help="of the moments")
    asked = options.parse_args()
    chance = random.Random(asked.seed)
    sent: Counter[str] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "trial.yaml").write_text(PROTOCOL)
        environment = _environment(place)
        _run(environment, place).wait()
        # What libraries keep there after a run that nobody disturbed.
        usual = {path.name for path in (place / "temporary").iterdir()}
        for _ in range(asked.count):
            chosen = chance.choice(SIGNALS)
            sent[_one(environment, place, chosen, chance.uniform(0, LONGEST_S), faults, usual)] += 1
    counts = ", ".join(f"{count} {name}" for name, count in sorted(sent.items()))
    print(f"{asked.count} runs: {counts}; {len(faults)} times something was left")
    return 1 if faults else 0


def _environment(place: Path) -> dict[str, str]:
    folders = {"BENCH_STORE": "store", "TMPDIR": "temporary", "BENCH_LOCKS": "locks"}
    for name in folders.values():
        (place / name).mkdir()
    # One export for all of them.
    cache = os.environ.get("BENCH_CACHE", str(place / "cache"))
    return {**os.environ, **{name: str(place / folder) for name, folder in folders.items()}, "BENCH_CACHE": cache}


def _run(environment: dict[str, str], place: Path) -> subprocess.Popen[bytes]:
    words = ["run", *MODEL, "--protocol", str(place / "trial.yaml"), "--quiet"]
    return subprocess.Popen(
        [sys.executable, "-m", "latency_bench", *words],
        cwd=place,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(place / "stderr").open("wb"),
    )


def _one(
    environment: dict[str, str],
    place: Path,
    chosen: signal.Signals,
    after_s: float,
    faults: list[str],
    usual: set[str],
) -> str:
    """The signal's name where it met a run that was under way."""
    process = _run(environment, place)
    try:
        process.wait(timeout=after_s)
        return "ended before"
    except subprocess.TimeoutExpired:
        process.send_signal(chosen)
    process.wait(timeout=120)
    time.sleep(0.2)
    left = _left(place, chosen, usual)
    if chosen != signal.SIGKILL and process.returncode not in (0, 1, 128 + chosen):
        # Before its first line a program has no handler, and dies of the signal itself.
        left += [f"exit code {process.returncode}"] if process.returncode != -chosen else []
    for one in left:
        faults.append(f"{chosen.name} after {after_s:.2f} s: {one}")
        print(faults[-1], flush=True)
    return chosen.name


def _left(place: Path, chosen: signal.Signals, usual: set[str]) -> list[str]:
    damage = [finding.problem for finding in verify_store(place / "store").findings if finding.is_damage]
    if chosen == signal.SIGKILL:
        remove_left_overs(place / "store")
        for path in (place / "temporary").iterdir():
            if path.name not in usual:
                shutil.rmtree(path, ignore_errors=True)
    unfinished = [finding.problem for finding in verify_store(place / "store").findings]
    files = [
        f"in the temporary folder: {path.name}" for path in (place / "temporary").iterdir() if path.name not in usual
    ]
    return [*damage, *unfinished, *files, *_processes(place)]


def _processes(place: Path) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            environment = (folder / "environ").read_bytes() if folder.name.isdigit() else b""
            if f"TMPDIR={place / 'temporary'}".encode() in environment:
                found.append(f"process {(folder / 'cmdline').read_bytes()[:200]!r}")
        except OSError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
