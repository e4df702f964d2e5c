"""Every command that prints tables, on terminals 40, 60 and 80 columns wide and into a pipe: every word is there, and
no line is wider than the terminal. The runs are those that this repository ships."""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latency_bench.harness.campaign.tally import Tally
from latency_bench.harness.cli.main import bench
from latency_bench.harness.cli.output import stdout_console
from latency_bench.harness.cli.pair_rendering import render_pair, render_pair_details
from latency_bench.harness.cli.results.pair_lines import print_pairs
from latency_bench.harness.cli.watch import _print_all
from latency_bench.harness.store.pair_record import parse_pair
from latency_bench.harness.store.reader import StoredPair

ROOT = Path(__file__).parents[3]
STORE = ROOT / "results"
PAIR = ROOT / "tests" / "harness" / "store" / "examples" / "pair_1.json"
WIDTHS = (40, 60, 80)
DEVICE = "epyc-milan"
COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("table", "--device", DEVICE, "--dataset", "Cityscapes", "--columns", "latency,ratio,rank,peak_rss,macs,flags,n",
     "--baseline", "b1-seg"): ("harness/cli/table.py",),
    ("report",): ("harness/cli/report.py", "harness/cli/report_summary.py"),
    ("report", "--table", "3", "--table", "5"): ("reports/tables/terminal.py",),
    ("report", "--claims", "--device", DEVICE): (),
    ("results", "ls", "--device", DEVICE): ("harness/cli/results/ls.py",),
    ("results", "ls", "--columns", "run_id,model,runtime,latency,peak_rss,flags,n", "--device", DEVICE): (),
    ("results", "ls", "--by", "device,runtime"): (),
    ("results", "show", "latest"): ("harness/cli/rendering.py", "harness/cli/run_details.py"),
    ("compare", f"{DEVICE}/b1-seg", f"{DEVICE}/b2-seg"): ("harness/cli/compare.py",),
    ("history", "b1-seg", "--device", DEVICE): (),
    ("attention", "--from-store", "--device", DEVICE): (
        *("harness/cli/attention_output.py", "harness/cli/attention_request.py"),
    ),
    ("models", "ls", "--family", "segnext"): ("harness/cli/models.py",),
    ("models", "show", "b1-seg"): (),
    ("papers", "ls"): ("harness/cli/papers.py",),
    ("papers", "show", "segnext"): (),
    ("published", "b1-seg"): ("harness/cli/published.py",),
    ("devices", "ls"): ("harness/cli/devices.py",),
}  # fmt: skip
"""By the words of a command, the files whose tables it shows."""
DRAWN_HERE = ("harness/cli/pair_rendering.py", "harness/cli/watch.py", "harness/cli/results/pair_lines.py")
MEASURING = (
    *("harness/cli/profile.py", "harness/cli/calibrate.py", "harness/cli/campaign_rendering.py"),
    *("harness/cli/accuracy.py", "harness/cli/run_ranking.py"),
)
"""Their tables follow minutes of measuring. They print them with the same function, which test_terminal_grid.py holds
to all of this for any cells and widths."""
UNBROKEN = ("stored in", "command", "  bench ", "bench ", "from", "no devices.yaml")
"""Beginnings of lines that stay in one piece, so that they can be copied."""


class _Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


Show = Callable[[Callable[[], object], "int | None"], str]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Show:
    """shown(print_something, 60): what it prints on a terminal so many columns wide, without styles; None: a pipe."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_STORE", str(STORE))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("BENCH_DEVICES", raising=False)
    monkeypatch.chdir(tmp_path)

    def show(print_it: Callable[[], object], width: int | None) -> str:
        screen = io.StringIO() if width is None else _Screen()
        monkeypatch.setenv("COLUMNS", str(width or 80))
        monkeypatch.setenv("TERM", "xterm")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", screen)
            print_it()
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())

    return show


def check(show: Show, print_it: Callable[[], object], reference: int | None = None) -> None:
    """Every word that stands in a pipe, or on a terminal of the reference's width, stands on narrow ones too."""
    whole = show(print_it, reference)
    assert whole.strip()
    for width in WIDTHS:
        text = show(print_it, width)
        for line in text.splitlines():
            assert len(line) <= width or line.startswith(UNBROKEN), f"{width}: {line!r}"
        lines = text.splitlines()
        for word in set(whole.split()):
            assert is_printed(word, lines) or set(word) <= {"─", "-"}, f"{width}: {word!r} is lost"


def is_printed(word: str, lines: list[str], first: int | None = None) -> bool:
    """On one line, or wrapped over lines that follow each other."""
    places = range(len(lines)) if first is None else range(first, min(first + 1, len(lines)))
    if any(word in lines[place] for place in places):
        return True
    return any(
        word[:end] in lines[place] and is_printed(word[end:], lines, place + 1)
        for place in places
        for end in range(len(word) - 1, 0, -1)
    )


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_no_word_is_lost_and_no_line_too_wide(shown: Show, words: tuple[str, ...]) -> None:
    # On narrow terminals runs are named by the end of their ids.
    reference = 134 if words[:2] == ("results", "ls") and "--columns" not in words and "--by" not in words else None
    check(shown, lambda: bench.main(list(words), standalone_mode=False), reference)


def test_a_pipe_gets_a_line_a_row_however_wide(shown: Show) -> None:
    words = ["results", "ls", "--columns", "path,conditions,n", "--device", DEVICE]
    lines = shown(lambda: bench.main(words, standalone_mode=False), None).splitlines()
    assert max(map(len, lines)) > 500
    assert len(lines) == 1 + len([line for line in lines if line.startswith(f"{DEVICE}/")])


def test_a_pair_and_a_campaign_lose_nothing(shown: Show) -> None:
    record = parse_pair(PAIR.read_bytes())

    def print_pair() -> None:
        render_pair(record, "/somewhere", stdout_console())
        render_pair_details(record, stdout_console())
        print_pairs([StoredPair(Path("store"), record)], as_json=False)

    check(shown, print_pair)
    plan = {
        "event": "plan",
        "at": 1.0,
        "name": "a-campaign",
        "cases": [
            {"case": "a", "label": "b1-seg batch 4, desk: litert fp32, 2 threads", "estimate_s": 5, "rounds": 4,
             "status": "done", "median_ms": 252.4, "reason": None},
            {"case": "b", "label": "b2-seg over b1-seg, desk: litert fp32", "estimate_s": 5, "rounds": 4,
             "status": "done", "median_ms": None, "ratio": "ratio 1.032 (1.027 to 1.036)", "reason": None},
            {"case": "c", "label": "b3-seg, desk: litert fp32", "estimate_s": 5, "rounds": 4, "status": "failed",
             "median_ms": None, "reason": "export: out of memory after 3 minutes of trying"},
        ],
    }  # fmt: skip
    tally = Tally()
    tally.apply(plan)
    tally.apply({"event": "started", "at": 2.0, "case": "a"})
    tally.apply({"event": "round", "at": 3.0, "case": "a", "rounds": 2, "of_rounds": 4})
    check(shown, lambda: _print_all(tally, False, stdout_console()))
    assert "ratio 1.032 (1.027 to 1.036)" in shown(lambda: _print_all(tally, False, stdout_console()), None)


def _printing_files() -> Iterator[str]:
    for folder in ("harness", "reports"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            names = {
                node.func.id
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            if names & {"print_grid", "print_facts", "print_table"}:
                yield str(file.relative_to(ROOT))


def test_every_file_that_prints_tables_is_among_these() -> None:
    known = {*(file for files in COMMANDS.values() for file in files), *DRAWN_HERE, *MEASURING}
    assert set(_printing_files()) == known
