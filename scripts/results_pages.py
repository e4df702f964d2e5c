"""Bring what lies in results/ into the pages: docs/measured.md, docs/attention-runtimes.md, and the parts of
docs/attention.md and of the README that results write.

    python scripts/results_pages.py            write pages and pictures
    python scripts/results_pages.py --check    exit with 1 if a page is not what the results say now

Every table comes from `bench report` and `bench attention --from-store`, as anybody can call them; nothing is typed in.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from machine_text import machine_text

from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import read_record
from latency_bench.harness.store.record import RunRecord

ROOT = Path(__file__).resolve().parents[1]
STORE, DOCS = ROOT / "results", ROOT / "docs"
IMAGES = DOCS / "images" / "measured"
README_PAGE, MEASURED_PAGE, ATTENTION_PAGE = ROOT / "README.md", DOCS / "measured.md", DOCS / "attention.md"
RUNTIMES_PAGE = DOCS / "attention-runtimes.md"
BENCH = [sys.executable, "-m", "latency_bench"]
DEVICE = "xeon-avx512"
ATTENTION = ["--device", DEVICE, "--runtime", "litert"]
SETTING = ["--device", DEVICE, "--runtime", "litert", "--precision", "fp32", "--threads", "1"]
README = """\
![Latency against published accuracy](docs/images/measured/figure1-latency.svg)

Table 3 of the paper, Cityscapes at 1024x2048: the published figures, and the latency on one core of a server CPU with
its 95 % interval and the rounds × requests that it rests on. The speed-ups are ratios of [pairs](docs/pairs.md) of
processes that took turns. [All tables and claims](docs/measured.md), with footnotes, machine and commands.

{table}

![Softmax against ReLU linear attention](docs/images/measured/attention-factors.svg)

[Softmax against ReLU linear attention](docs/attention.md), at the same shape and at the same MACs; and why [another
runtime](docs/attention-runtimes.md) gives another factor.
"""
TABLES, README_TABLE = (2, 3, 4, 5), 3
PICTURES = ("figure1-latency", "attention-factors", "attention-scaling", "runtimes-scaling")

INTRODUCTION = """\
# Measured: one core of a server CPU

Written by `scripts/results_pages.py` from the runs in `results/{device}/`; do not edit. `bench report` shows the same
on a terminal, and `bench report --html` makes a page with every run behind every number.

{machine}

On a shared virtual machine nothing tells whether a neighbour was idle. Some hours after their rounds the networks of
Table 3 took between 15 % less and 20 % more time: trust the speed-ups, which are ratios of [pairs](pairs.md) of
processes that took turns, and take the milliseconds for the level of their hour. A disturbed hour makes
the interval of a speed-up wide, and [can move the ratio itself](pairs.md#what-a-pair-does-not-take-out). The paper's
devices are a phone, two Jetsons and an A100; **what does not hold here says nothing about those.**

    python scripts/paper_ratios.py --device {device}
    bench report --device {device} --table 2 --table 3 --table 4 --table 5 --claims
    bench report --device {device} --figure 1

![Figure 1 of the paper, measured](images/measured/figure1-latency.svg)

"""

ATTENTION_PICTURES = """\
Measured on one core of a server CPU in a shared virtual machine, which [measured.md](measured.md) describes.

![Softmax against ReLU linear attention](images/measured/attention-factors.svg)

![Latency against the number of tokens](images/measured/attention-scaling.svg)
"""

RUNTIMES = """\
# Softmax against ReLU linear attention, runtime by runtime

Written by `scripts/results_pages.py` from the runs in `results/`; do not edit. [attention.md](attention.md) says what
is compared, and what the numbers mean.

**Machine** of `{device}`: {machine}. `{device}-tflite-2.14` is the same machine with the tflite-runtime package of
2023, the last of that name, in an environment of its own. One thread, pinned to one core; rounds in fresh
processes (`n`: rounds × requests), those of one size interleaved; ratios with † are of [pairs](pairs.md) of processes
that took turns.
`epyc-milan` is a server CPU of AMD in another shared virtual machine, with four rounds.

![Latency against the number of tokens](images/measured/runtimes-scaling.svg)

{tables}"""


def bench(*words: str) -> str:
    """What the command prints. Raises CalledProcessError."""
    # The store by its default, so that the commands in the texts do not name a folder of this machine.
    environment = {name: value for name, value in os.environ.items() if name != "BENCH_STORE"}
    done = subprocess.run([*BENCH, *words], cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def record_of(device: str, model: str) -> RunRecord:
    """The latest run of a model on a device."""
    row = next(row for row in find_rows(STORE) if (row["device"], row["model"]) == (device, model))
    return read_record(STORE / row["path"])


def setting(record: RunRecord) -> str:
    """Machine, runtime and protocol of the campaign."""
    assert record.runtime is not None
    return (
        f"**Machine**: {machine_text(record.device)}. **Runtime**: {record.runtime.facts['package']} "
        f"{record.runtime.version}, fp32, 1 thread, pinned to one core. **Protocol**: "
        f"[{record.protocol['name']}-protocol.yaml](../results/{record.protocol['name']}-protocol.yaml), "
        f"{record.protocol['rounds']} rounds in fresh processes, those of several networks interleaved."
    )


def pages() -> dict[Path, str]:
    """Every page with what the results say now."""
    tables = {number: bench("report", *SETTING, "--table", str(number), "--format", "md") for number in TABLES}
    claims = bench("report", *SETTING, "--claims", "--format", "md")
    introduction = INTRODUCTION.format(device=DEVICE, machine=setting(record_of(DEVICE, "b1-seg")))
    measured = introduction + "\n".join(_second_level(text) for text in [*tables.values(), claims])
    readme = README.format(table=_table_alone(tables[README_TABLE]))
    return {
        MEASURED_PAGE: measured.rstrip() + "\n",
        README_PAGE: _between_marks(README_PAGE, "measured", readme),
        RUNTIMES_PAGE: runtimes(),
        ATTENTION_PAGE: _between_marks(ATTENTION_PAGE, "attention results", attention()),
    }


def attention() -> str:
    with tempfile.TemporaryDirectory() as folder:
        bench("attention", "--from-store", *ATTENTION, "--to", folder, "--quiet")
        table = (Path(folder) / "attention.md").read_text(encoding="utf-8")
    return f"{ATTENTION_PICTURES}\n{table}"


def runtimes() -> str:
    """The tables in which several conditions stand side by side, then those of the machine with several runtimes."""
    with tempfile.TemporaryDirectory() as folder:
        bench("attention", "--from-store", "--to", folder, "--quiet")
        text = (Path(folder) / "attention.md").read_text(encoding="utf-8")
    tables = re.split(r"^(?=\*\*)", text, flags=re.MULTILINE)
    chosen = [table for table in tables if DEVICE in table.partition("\n\n")[0] or "many times" in table]
    described = machine_text(record_of(DEVICE, "calibration-matmul-1024").device)
    return RUNTIMES.format(device=DEVICE, machine=described, tables="".join(chosen).rstrip() + "\n")


def draw() -> list[Path]:
    """All pictures anew, each with the rows that it was drawn from beside it."""
    with tempfile.TemporaryDirectory() as folder:
        bench("report", "--figure", "1", *SETTING, "--to", folder, "--format", "svg")
        bench("attention", "--from-store", *ATTENTION, "--to", folder, "--quiet")
        IMAGES.mkdir(exist_ok=True)
        bench("attention", "--from-store", "--device", DEVICE, "--to", f"{folder}/runtimes", "--quiet")
        for ending in (".svg", ".csv"):
            Path(folder, "runtimes", f"attention-scaling{ending}").rename(Path(folder, f"runtimes-scaling{ending}"))
        found = [Path(folder) / f"{name}{ending}" for name in PICTURES for ending in (".svg", ".csv")]
        return [Path(shutil.copy(path, IMAGES / path.name)) for path in found]


def _second_level(text: str) -> str:
    return re.sub(r"^### ", "## ", text, flags=re.MULTILINE)


def _table_alone(text: str) -> str:
    """The rows, without footnotes and their marks."""
    rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    return re.sub(r"<sup>.*?</sup>", "", rows)


def _between_marks(path: Path, name: str, text: str) -> str:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = path.read_text(encoding="utf-8")
    before, found, rest = page.partition(begin)
    _, also, after = rest.partition(end)
    if not found or not also:
        raise SystemExit(f"{path} has no place between {begin!r} and {end!r}")
    return f"{before}{begin}\n{text.rstrip()}\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the pages instead of writing them")
    options = parser.parse_args(arguments)
    texts = pages()
    if options.check:
        outdated = [path for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text]
        for path in outdated:
            print(f"{path} is not what the results say; run `python scripts/results_pages.py`.", file=sys.stderr)
        return 1 if outdated else 0
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    for path in (*texts, *draw()):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
