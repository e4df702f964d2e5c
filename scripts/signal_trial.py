"""Send signals to `bench run` at random moments, and look what is left.

    python scripts/signal_trial.py --count 1000

The runs have a store, a folder for temporary files, a cache and locks of their own. After SIGINT, SIGTERM and SIGHUP
nothing may be left in them but whole runs, and no process. After SIGKILL there may be no damage and no process, and
nothing else is left once the next run, which nobody disturbs, is over. One run in ten starts as a user's does, the
others in a process that has imported everything (warm_python.py), so that the signal comes while something is under
way. Prints counts by signal, and ends with code 1 where something was left.
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from warm_python import WarmProcess, WarmPython

from latency_bench.harness.store.verify import verify_store

PROTOCOL = """name: trial
rounds: 1
campaign_rounds: 1
warmup: {min_count: 2, max_count: 50, min_s: 0.02, max_s: 0.5, window: 5}
sampling: {min_count: 10, max_count: 500, min_s: 0.1, max_s: 5, relative_interval: null, confidence: 0.95}
"""
IMPORTED = (
    "bench_worker.runtimes.onnxruntime",
    "latency_bench.devices.probes.linux",
    "latency_bench.devices.runners.worker",
    "latency_bench.devices.transports.local",
    "latency_bench.harness.benchmark",
    "latency_bench.harness.case_options",
    "latency_bench.harness.cli.progress",
    "latency_bench.harness.cli.rendering",
    "latency_bench.harness.cli.run",
    "latency_bench.harness.model_file.open_file",
    "latency_bench.harness.statistics.sample_flags",
    "latency_bench.harness.statistics.summary",
    "latency_bench.harness.store.sample_table",
    "onnx",
    "pyarrow.parquet",
    "rich.console",
    "ruptures",
    "scipy.stats",
)
"""What `bench run` needs of the host. Runtimes are the worker's, which is a process of its own."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
COLD_EVERY = 10
LONGEST_END_S = 600.0
"""That a busy machine may take until a process that was sent a signal has ended."""
TOLD_EVERY = 25


@dataclass
class Trial:
    """Runs in folders of their own, and what was found there that should not be."""

    place: Path
    environment: dict[str, str]
    python: WarmPython
    longest_s: float = 0.0
    """That a run takes here and now. A signal that would come after its end counts as not sent."""
    usual: frozenset[str] = frozenset()
    """What libraries keep there after a run that nobody disturbed."""
    sent: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        model = ("--onnx", str(self.place / "model.onnx"), "--runtime", "onnxruntime")
        return ["run", *model, "--protocol", str(self.place / "trial.yaml"), "--quiet"]

    def prepare(self) -> None:
        """Look what a run takes and leaves. Raises SystemExit where it does not work."""
        if self._cold().wait() != 0:
            sys.exit((self.place / "stderr").read_text())
        self._warm().wait()
        began_s = time.monotonic()
        if self._warm().wait() != 0:
            sys.exit((self.place / "stderr").read_text())
        self.longest_s = time.monotonic() - began_s
        self.usual = frozenset(self._files())

    def disturb(self, number: signal.Signals, share: float, cold: bool) -> None:
        """One run, and the signal after this share of the time that a run takes."""
        process = self._cold() if cold else self._warm()
        # A cold start takes about a second longer, in which Python imports.
        after_s = share * (self.longest_s + (1.0 if cold else 0.0))
        try:
            process.wait(timeout=after_s)
            self.sent["ended before"] += 1
            return
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        code = process.wait(timeout=LONGEST_END_S)
        self.sent[number.name] += 1
        for left in self._left_by(number, code):
            self.faults.append(f"{number.name} after {after_s:.2f} s{' from a cold start' * cold}: {left}")
            print(self.faults[-1], flush=True)
        # Every time the same size of a store to look through.
        shutil.rmtree(self.place / "store", ignore_errors=True)
        (self.place / "store").mkdir(exist_ok=True)

    def _warm(self) -> WarmProcess:
        with (self.place / "stderr").open("wb") as errors:
            return WarmProcess(
                self.python.socket, "latency_bench", self.words, cwd=self.place, env=self.environment, stderr=errors
            )

    def _cold(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "latency_bench", *self.words],
            cwd=self.place,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=(self.place / "stderr").open("wb"),
        )

    def _left_by(self, number: signal.Signals, code: int) -> Iterator[str]:
        yield from (finding.problem for finding in verify_store(self.place / "store").findings if finding.is_damage)
        yield from self._processes()
        if number == signal.SIGKILL and (next_code := self._warm().wait()) != 0:
            yield f"the next run ended with {next_code}: {(self.place / 'stderr').read_text()[-300:]}"
        yield from (finding.problem for finding in verify_store(self.place / "store").findings)
        for path in sorted(self._files() - self.usual, reverse=True):
            yield f"left: {path}"
            self._remove(self.place / path)
        # Before its first line a program has no handler, and dies of the signal itself. 0: it was over just then.
        if number != signal.SIGKILL and code not in (0, 128 + number, -number):
            yield f"exit code {code}: {(self.place / 'stderr').read_text()[-300:]}"

    @staticmethod
    def _remove(path: Path) -> None:
        """So that what is left counts once."""
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()

    def _files(self) -> set[str]:
        """Everything below the folder for temporary files and the cache."""
        folders = (self.place / "temporary", self.place / "cache")
        return {str(path.relative_to(self.place)) for folder in folders for path in folder.rglob("*")}

    def _processes(self) -> list[str]:
        """Those that are there, and do not end within a minute."""
        end_s = time.monotonic() + 60
        while (running := list(self._processes_now())) and time.monotonic() < end_s:
            time.sleep(0.1)
        return running

    def _processes_now(self) -> Iterator[str]:
        mark = f"TMPDIR={self.place / 'temporary'}".encode()
        for folder in Path("/proc").iterdir():
            try:
                if not folder.name.isdigit() or int(folder.name) == self.python.server.pid:
                    continue
                if mark in (folder / "environ").read_bytes():
                    yield f"process {(folder / 'cmdline').read_bytes()[:200]!r}"
            except OSError:
                continue


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--count", type=int, default=1000, help="signals")
    options.add_argument("--seed", type=int, default=0, help="of the moments")
    asked = options.parse_args()
    chance = random.Random(asked.seed)
    # Where this runs in the background of a shell, or under nohup, they are ignored, and so they would be by `bench`.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        (place / "trial.yaml").write_text(PROTOCOL)
        write_model(place / "model.onnx")
        environment = _environment(place)
        with WarmPython(IMPORTED, environment) as python:
            trial = Trial(place, environment, python)
            trial.prepare()
            number = 0
            while (signals := trial.sent.total() - trial.sent["ended before"]) < asked.count:
                number += 1
                trial.disturb(chance.choice(SIGNALS), chance.random(), cold=number % COLD_EVERY == 0)
                if number % TOLD_EVERY == 0:
                    print(_counts(trial), file=sys.stderr, flush=True)
    print(f"{signals} signals: {_counts(trial)}")
    return 1 if trial.faults else 0


def write_model(path: Path) -> None:
    """One operator: what a run does is the trial's matter, not what its model computes."""
    tensors = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "trial", tensors[:1], tensors[1:])
    opset = onnx.helper.make_opsetid("", 13)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), path)


def _counts(trial: Trial) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in sorted(trial.sent.items()))
    return f"{counts}; {len(trial.faults)} times something was left"


def _environment(place: Path) -> dict[str, str]:
    folders = {"BENCH_STORE": "store", "TMPDIR": "temporary", "BENCH_LOCKS": "locks", "BENCH_CACHE": "cache"}
    for name in folders.values():
        (place / name).mkdir()
    return {**os.environ, **{name: str(place / folder) for name, folder in folders.items()}}


if __name__ == "__main__":
    sys.exit(main())
