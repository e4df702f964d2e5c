"""Send signals to `bench run` at random moments, and look what is left.

    python scripts/signal_trial.py --count 1000

The runs have a store, a folder for temporary files, a cache and locks of their own. After SIGINT, SIGTERM and SIGHUP
nothing may be left in them but whole runs, and no process. After SIGKILL there may be no damage and no process, and
nothing else is left once the next run, which nobody disturbs, is over.
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

from latency_bench.harness.store.verify import verify_store

PROTOCOL = """name: trial
rounds: 2
campaign_rounds: 2
warmup: {min_count: 2, max_count: 50, min_s: 0.05, max_s: 0.5, window: 5}
sampling: {min_count: 30, max_count: 500, min_s: 0.5, max_s: 5, relative_interval: null, confidence: 0.95}
"""
MODEL = ("--model", "b0-cls-r224", "--resolution", "64x64", "--runtime", "onnxruntime")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
TOLD_EVERY = 25


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
        if _run(environment, place).wait() != 0:  # which exports the model
            sys.exit((place / "stderr").read_text())
        began_s = time.monotonic()
        _run(environment, place).wait()
        # How long a run takes here and now. A signal that would come after the end of its run counts as not sent.
        longest_s = time.monotonic() - began_s
        # What libraries keep there after a run that nobody disturbed.
        usual = _files(place)
        for number in range(1, asked.count + 1):
            chosen = chance.choice(SIGNALS)
            sent[_one(environment, place, chosen, chance.uniform(0, longest_s), faults, usual)] += 1
            if number % TOLD_EVERY == 0 or number == asked.count:
                counts = ", ".join(f"{count} {name}" for name, count in sorted(sent.items()))
                print(f"{number} runs: {counts}; {len(faults)} times something was left", flush=True)
    return 1 if faults else 0


def _environment(place: Path) -> dict[str, str]:
    folders = {"BENCH_STORE": "store", "TMPDIR": "temporary", "BENCH_LOCKS": "locks", "BENCH_CACHE": "cache"}
    for name in folders.values():
        (place / name).mkdir()
    return {**os.environ, **{name: str(place / folder) for name, folder in folders.items()}}


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
    left = [finding.problem for finding in verify_store(place / "store").findings if finding.is_damage]
    left += _processes(place)
    if chosen == signal.SIGKILL and (code := _run(environment, place).wait()) != 0:
        left.append(f"the next run ended with {code}: {(place / 'stderr').read_text()[-300:]}")
    left += [finding.problem for finding in verify_store(place / "store").findings]
    left += [f"left: {path}" for path in sorted(_files(place) - usual)]
    # Every time the same size of a store to look through.
    shutil.rmtree(place / "store", ignore_errors=True)
    (place / "store").mkdir(exist_ok=True)
    if chosen != signal.SIGKILL and process.returncode not in (0, 1, 128 + chosen):
        # Before its first line a program has no handler, and dies of the signal itself.
        left += [f"exit code {process.returncode}"] if process.returncode != -chosen else []
    for one in left:
        faults.append(f"{chosen.name} after {after_s:.2f} s: {one}")
        print(faults[-1], flush=True)
    return chosen.name


def _files(place: Path) -> set[str]:
    """Everything below the folder for temporary files and the cache."""
    return {str(path.relative_to(place)) for folder in ("temporary", "cache") for path in (place / folder).rglob("*")}


def _processes(place: Path) -> list[str]:
    """Those that are there, and do not end within a minute."""
    end_s = time.monotonic() + 60
    while (found := _processes_now(place)) and time.monotonic() < end_s:
        time.sleep(0.1)
    return found


def _processes_now(place: Path) -> list[str]:
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
