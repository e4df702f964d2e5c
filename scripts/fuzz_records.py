"""Change fields of stored records at random, and let every command that reads a store meet them.

    python scripts/fuzz_records.py --count 1000

A record is one of results/, or that of a pair. A field of it is changed, removed or added, and its hashes are made
right again, as somebody would who means it. Whatever `bench results verify` says of it, every command ends with an exit
code and at most a message: an exception is counted, printed with the seed that repeats it, and ends the program with
code 1.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from latency_bench.harness.cli.failures import exit_code_of
from latency_bench.harness.cli.main import bench
from latency_bench.harness.store.layout import CHECKSUMS_FILE, PAIRS_FOLDER, RECORD_FILE
from latency_bench.harness.store.pair_record import parse_pair
from latency_bench.harness.store.pair_samples import PairSamples
from latency_bench.harness.store.reader import read_record, run_paths
from latency_bench.harness.store.verify import verify_run
from latency_bench.harness.store.writer import RunWriter

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
PAIR = ROOT / "tests" / "harness" / "store" / "examples" / "pair_1.json"
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 5, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 0.0, -0.5, 1e-320, 1e308, 1e18),
    *("", "x", "\x00", "\u202e\x1b[31m", "../../etc/passwd", "</script>", "$x_1$ %s {0}", "n" * 10_000, "2026-02-30"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2261-12-31T00:00:00Z", "nan", [], {}, [[]], [None]),
    *([1, "a", None], {"a": {"b": [1e308, -1]}}, [0.0] * 1000, {"": ""}),
)
READING: tuple[tuple[str, ...], ...] = (
    ("results", "ls"),
    ("results", "ls", "--json"),
    ("results", "ls", "--by", "device,model,runtime", "--sort", "latency"),
    ("results", "ls", "--columns", "model,family,task,resolution,batch,macs,params,peak_rss,started,energy"),
    ("results", "show", "RUN"),
    ("results", "show", "RUN", "--json"),
    ("results", "ls", "--pairs"),
    ("results", "ls", "--pairs", "--json"),
    ("results", "verify"),
    ("results", "archive", "--to", "OUT/runs.tar"),
    ("results", "archive", "--parquet", "OUT/runs.parquet"),
    ("results", "archive", "--samples", "OUT/samples.parquet"),
    ("results", "import", "STORE", "--store", "OUT/copy"),
    ("compare", "RUN", "OTHER"),
    ("gate", "STORE", "--candidate", "STORE"),
    ("sweep", "--model", "b?-seg", "--dry-run"),
    ("report",),
    ("report", "--claims"),
    ("report", "--table", "3"),
    ("history", "MODEL", "--device", "DEVICE"),
    ("history", "MODEL", "--device", "DEVICE", "--json"),
    ("attention", "--from-store"),
    ("plot", "latency", "--to", "OUT/latency.svg"),
    ("plot", "roofline", "--to", "OUT/roofline.svg"),
)
"""Commands. In the places of words: the run or pair that was changed, another run, the changed one's model and device,
the store, a folder for files."""
SLOW: tuple[tuple[str, ...], ...] = (
    ("report", "--html", "--to", "OUT/page"),
    ("plot", "distribution", "--run", "RUN", "--to", "OUT/distribution.svg"),
    ("plot", "timeline", "--run", "RUN", "--to", "OUT/timeline.svg"),
    ("plot", "history", "--model", "MODEL", "--device", "DEVICE", "--to", "OUT/history.svg"),
    ("results", "show", "RUN", "--plot", "OUT/pair.svg"),
)


class Changed:
    """A record with one to three fields changed, removed or added, by a generator whose seed repeats it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def record(self, original: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The record, and which fields were changed how."""
        document = copy.deepcopy(original)
        changes = [self._change(document) for _ in range(self._random.choice((1, 1, 1, 2, 3)))]
        # Its place in the store is told by these, and a folder of another name is another fault.
        for path in (("run_id",), ("device", "name"), ("model", "id")):
            _restore(document, original, path)
        return document, "; ".join(changes)

    def _change(self, document: dict[str, Any]) -> str:
        place: Any = document
        path: list[str] = []
        while True:
            key = self._random.choice(sorted(place)) if isinstance(place, dict) else self._random.randrange(len(place))
            path.append(str(key))
            if not isinstance(place[key], (dict, list)) or not place[key] or self._random.random() < 0.15:
                break
            place = place[key]
        kind = self._random.random()
        if kind < 0.1:
            del place[key]
            return f"{'.'.join(path)} removed"
        value = self._random.choice(VALUES)
        if kind < 0.2 and isinstance(place, dict):
            place[f"{key}_more"] = value
            return f"{'.'.join(path)}_more = {str(value)[:40]!r}" if not isinstance(value, int) else "a field more"
        place[key] = value
        return f"{'.'.join(path)} = {_shown(value)}"


def _shown(value: Any) -> str:
    return "10**400" if value == 10**400 else repr(value)[:40]


def _restore(document: dict[str, Any], original: dict[str, Any], path: Sequence[str]) -> None:
    if path[0] not in original:  # a pair has no model of its own
        return
    for name in path[:-1]:
        if not isinstance(document.get(name), dict):
            document[name] = copy.deepcopy(original[name])
        document, original = document[name], original[name]
    document[path[-1]] = original[path[-1]]


def make_store(store: Path) -> list[Path]:
    """A store of six runs of several kinds from results/ and a pair; their folders."""
    wanted: dict[tuple[str, str, bool], Path] = {}
    for run in run_paths(RESULTS):
        record = read_record(run)
        wanted.setdefault((record.device.name, record.status, record.model.id.startswith("attn")), run)
    copies = []
    for run in list(wanted.values())[:6]:
        copies.append(store / run.relative_to(RESULTS))
        shutil.copytree(run, copies[-1])
    return [*copies, make_pair(store, copies[0].parents[1].name)]


def make_pair(store: Path, device: str) -> Path:
    """A pair on this device with as many samples as its record says; its folder."""
    record = parse_pair(PAIR.read_bytes().replace(b'"name": "local"', f'"name": "{device}"'.encode()))
    with RunWriter(store, record.device.name, PAIRS_FOLDER, record.run_id) as writer:
        writer.write_pair_samples(
            _samples(number, one.index, warmup, one.warmup_count if warmup else one.sample_count)
            for number, side in enumerate(record.sides)
            for one in side.rounds
            for warmup in (True, False)
        )
        return writer.commit(record)


def _samples(side: int, process: int, warmup: bool, count: int) -> PairSamples:
    rows = np.arange(count, dtype=np.int64)
    return PairSamples(
        side=side,
        pair=process,
        process=process,
        warmup=warmup,
        start_ns=2_000_000 * rows,
        latency_ns=1_000_000 + rows,
        block=rows if not warmup else np.full(count, -1),
        kept=np.full(count, not warmup),
        phases_ns={},
    )


def replace_record(run: Path, content: bytes) -> None:
    """With hashes that agree."""
    sums = run / CHECKSUMS_FILE
    digest = hashlib.sha256(content).hexdigest()
    lines = [
        f"{digest}  {RECORD_FILE}" if line.endswith(f"  {RECORD_FILE}") else line
        for line in (sums.read_text().splitlines() if sums.exists() else ())
    ]
    for path, text in ((run / RECORD_FILE, content), (sums, ("\n".join(lines) + "\n").encode())):
        if path == sums and not lines:
            continue
        path.unlink()
        path.write_bytes(text)


def fuzz(folder: Path, count: int, first_seed: int = 0, commands: Sequence[Sequence[str]] = READING) -> Iterator[str]:
    """What went wrong, one line each."""
    store = folder / "store"
    runs = make_store(store)
    originals = {run: json.loads((run / RECORD_FILE).read_text()) for run in runs}
    sys.set_int_max_str_digits(0)
    for seed in range(first_seed, first_seed + count):
        run = random.Random(seed).choice(runs)
        before = (run / RECORD_FILE).read_bytes()
        document, change = Changed(seed).record(originals[run])
        replace_record(run, json.dumps(document).encode())
        try:
            for command in commands:
                if fault := _fault(command, folder, run, next(one for one in runs if one != run)):
                    yield f"seed {seed}: {run.name} with {change}: bench {' '.join(command)}: {fault}"
            try:
                verify_run(run, in_store=True)
            except Exception as error:
                yield f"seed {seed}: {change}: verify: {error!r}"
        finally:
            replace_record(run, before)


def _fault(command: Sequence[str], folder: Path, run: Path, other: Path) -> str | None:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    store = folder / "store"
    of_model = other if run.parent.name == PAIRS_FOLDER else run
    places = {
        "RUN": str(run),
        "OTHER": str(other),
        "MODEL": of_model.parent.name,
        "DEVICE": of_model.parents[1].name,
        "STORE": str(store),
    }
    words = [places.get(word, word.replace("OUT/", f"{out}/")) for word in command]
    result = CliRunner().invoke(bench, words, env={"BENCH_STORE": str(store)}, standalone_mode=False)
    error = result.exception
    if error is None or isinstance(error, SystemExit) or exit_code_of(error) is not None:
        return None
    if hasattr(error, "exit_code"):  # click's own
        return None
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:160]} ({Path(where.filename).name}:{where.lineno})"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--count", type=int, default=200, help="changed records")
    options.add_argument("--first-seed", type=int, default=0, help="number of the first one, to repeat or to go on")
    options.add_argument("--slow", action="store_true", help="pages and figures of single runs too")
    asked = options.parse_args()
    commands = (*READING, *SLOW) if asked.slow else READING
    began_s, faults = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_CACHE"] = str(Path(folder) / "cache")
        for fault in fuzz(Path(folder), asked.count, asked.first_seed, commands):
            faults += 1
            print(fault, flush=True)
    took_s = time.monotonic() - began_s
    print(f"{asked.count} records, {asked.count * len(commands)} commands, {faults} exceptions, {took_s:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
