"""A model of each family of timm through the converters of several runtimes: does what comes out compute the model?

    python scripts/converter_trial.py                                  # litert, onnxruntime, torch; hours
    python scripts/converter_trial.py --all-runtimes --family timm:resnet10t --family timm:vit_tiny_patch16_224
    python scripts/converter_trial.py --page                           # only writes the page anew

Each family is a `bench sweep` with a few requests a runtime, whose outputs are compared with the fp32 module by value;
latencies are not looked at. What came of it is a line of docs/converters.jsonl and is not tried again;
docs/converters.md is made of these lines. The exit code is 1 where outputs were not those of the model, or were not
compared, or there were none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kept_rows import append, read_rows
from markdown_lines import paragraph, table, without_folders
from timm_families import FAMILIES

from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.harness.store.reader import read_record

ROOT = Path(__file__).parents[1]
ROWS, PAGE = ROOT / "docs" / "converters.jsonl", ROOT / "docs" / "converters.md"
RUNTIMES = ("litert", "onnxruntime", "torch")
"""One of each format that a model is exported to."""
PASSED, NOT_CHECKED, NOT_PASSED, FAILED = "passed", "not checked", "not passed", "failed"
LOOKED_INTO = {
    ("timm:botnet26t_256", "litert"): "the converter leaves out a permutation"
    " ([why outputs are checked](method.md#why-outputs-are-checked-before-anything-is-timed))",
}
"""What was found where a reason tells only that outputs differ."""
PROTOCOL = """\
name: trial
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 60, window: 0}
sampling: {min_count: 1, max_count: 2, min_s: 0, max_s: 60, relative_interval: null}
"""


@dataclass(frozen=True)
class Row:
    """What came of a model on a runtime."""

    model: str
    runtime: str
    outcome: str
    error: float | None
    """Largest difference from the module's outputs over their largest value."""
    reason: str
    """Why it did not pass."""


def tried(model: str, runtimes: Sequence[str]) -> Iterator[Row]:
    """A row a runtime, of one campaign."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trial.yaml").write_text(PROTOCOL, encoding="utf-8")
        chosen = [word for runtime in runtimes for word in ("--runtime", runtime)]
        how = ["--threads", "1", "--protocol", str(folder / "trial.yaml"), "--attempts", "1", "--no-pairs"]
        where = ["--store", str(folder / "store"), "--quiet", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "latency_bench", "sweep", "--model", model, *chosen, *how, *where],
            check=False,
            capture_output=True,
            text=True,
        )
        try:
            cases = json.loads(done.stdout)["cases"]
        except ValueError:
            why = (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
            cases = [{"runtime": runtime, "run": None, "reason": why} for runtime in runtimes]
        for case in cases:
            yield judged(
                model, case["runtime"], folder / "store" / case["run"] if case["run"] else None, case["reason"]
            )


def judged(model: str, runtime: str, run: Path | None, reason: str | None) -> Row:
    """By the comparison that the run's record has."""
    record = read_record(run) if run else None
    if record is None or record.fidelity is None:
        return Row(model, runtime, FAILED, None, without_folders(reason or "no run"))
    errors = [float(values["max_rel"]) for values in record.fidelity.metrics.values() if "max_rel" in values]
    outcome = {True: PASSED, None: NOT_CHECKED, False: NOT_PASSED}[record.fidelity.passed]
    return Row(model, runtime, outcome, max(errors, default=None), reason or record.fidelity.reason or "")


def page(lines_of_file: Sequence[Row]) -> str:
    """Models that went through every runtime, then all of them, and why some did not pass. Of a case that is there
    twice, because two computers tried it, the last counts."""
    by_case = {(row.model, row.runtime): row for row in lines_of_file}
    rows = list(by_case.values())
    further = sorted({row.runtime for row in rows} - set(RUNTIMES))
    runtimes = [*RUNTIMES, *further]
    models = sorted({row.model for row in rows})
    everywhere = [model for model in models if any((model, runtime) in by_case for runtime in further)]
    lines = ["# Families of timm through every converter", ""]
    lines += paragraph(
        "Written by `scripts/converter_trial.py`; do not edit. A small model of each family of timm with seeded"
        " weights, exported for each runtime in fp32 and run on this computer's processor; what comes out is compared"
        " with the fp32 module by value ([method](method.md)). The number is the largest difference over the"
        " largest value."
    )
    counts = [
        f"`{runtime}`: {sum(row.outcome == PASSED for row in rows if row.runtime == runtime)} of"
        f" {sum(row.runtime == runtime for row in rows)}"
        for runtime in runtimes
    ]
    lines += paragraph(f"Passed: {', '.join(counts)}.")
    if everywhere:
        lines += ["## Through every runtime for processors", "", *_outcomes(by_case, everywhere, runtimes), ""]
    lines += ["## One runtime of each kind of file", "", *_outcomes(by_case, models, RUNTIMES)]
    missed = [row for row in rows if row.outcome != PASSED]
    if missed:
        lines += ["", "## Why the others did not pass", ""]
        ordered = sorted(missed, key=lambda row: (row.model, row.runtime))
        # What a converter printed is behind the first line, and lies where it ran.
        reasons = [[f"`{one.model}`", one.runtime, _reason(one)] for one in ordered]
        lines += table(["model", "runtime", "reason"], reasons)
    waiting = [family for family in FAMILIES if family not in models]
    if waiting:
        lines += ["", *paragraph(f"Not tried yet: {', '.join(f'`{family}`' for family in waiting)}.")]
    return "\n".join(lines).rstrip() + "\n"


def _outcomes(by_case: dict[tuple[str, str], Row], models: Sequence[str], runtimes: Sequence[str]) -> list[str]:
    """A line a model."""
    cells = [[f"`{model}`", *(_cell(by_case, model, runtime) for runtime in runtimes)] for model in models]
    return list(table(["model", *runtimes], cells))


def _reason(row: Row) -> str:
    found = LOOKED_INTO.get((row.model, row.runtime))
    return row.reason.partition("\n")[0] + (f"; {found}" if found else "")


def _cell(by_case: dict[tuple[str, str], Row], model: str, runtime: str) -> str:
    row = by_case.get((model, runtime))
    if row is None:
        return ""
    return f"{row.error:.0e}" if row.outcome == PASSED and row.error is not None else row.outcome


def main() -> int:
    options = _options()
    here = [name for name in runtime_names() if not runtime_class(name).ON_GPU]
    runtimes = here if options.all_runtimes else options.runtime or RUNTIMES
    until_s = time.monotonic() + 60 * options.minutes
    known = {(row.model, row.runtime) for row in read_rows(ROWS, Row)}
    for model in [] if options.page else options.family or FAMILIES:
        missing = [runtime for runtime in runtimes if (model, runtime) not in known]
        if not missing or time.monotonic() > until_s:
            continue
        for row in tried(model, missing):
            append(ROWS, row)
            print(row.model, row.runtime, row.outcome, row.error, row.reason, sep="\t", flush=True)
    rows = read_rows(ROWS, Row)
    PAGE.write_text(page(rows), encoding="utf-8")
    return 1 if any(row.outcome != PASSED for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--family", action="append", help="repeatable; a model's id; default: timm_families.py")
    parser.add_argument("--runtime", action="append", help=f"repeatable; default: {', '.join(RUNTIMES)}")
    parser.add_argument("--all-runtimes", action="store_true", help="all that compute on a processor")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no model is begun after so many")
    parser.add_argument("--page", action="store_true", help="run nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
