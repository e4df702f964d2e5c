"""What people see on a terminal: names are text and no markup, nothing is cut off, and any encoding will do."""

from __future__ import annotations

import ast
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Bench, OnTerminal

StoreRun = Callable[..., Path]
ROOT = Path(__file__).parents[3]
HOSTILE = "[red]a[/red] [/x] :smile: [link=file:///etc]y[/link]"


def _calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for folder in ("harness", "reports", "devices", "model_specs"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)) if name in text else ():
                called = node.func if isinstance(node, ast.Call) else None
                if isinstance(called, (ast.Name, ast.Attribute)) and ast.unparse(called).split(".")[-1] == name:
                    yield str(file.relative_to(ROOT)), node  # type: ignore[misc]


def test_no_console_reads_markup_or_emoji() -> None:
    consoles = list(_calls("Console"))
    assert [file for file, _ in consoles] == ["harness/cli/output.py"]
    for _, call in consoles:
        options = {
            keyword.arg: ast.literal_eval(keyword.value)
            for keyword in call.keywords
            if keyword.arg in ("markup", "emoji")
        }
        assert options == {"markup": False, "emoji": False}
    assert not list(_calls("from_markup"))


def test_tables_are_those_that_cut_nothing_off() -> None:
    """rich's own tables shorten what does not fit; only a screen that is redrawn has one."""
    assert {file for file, _ in _calls("add_column")} == {"harness/cli/watch.py"}


def test_markup_in_names_is_printed_as_it_is(bench: Bench, store_run: StoreRun, tmp_path: Path) -> None:
    flag = {"name": HOSTILE, "severity": "warning", "text": HOSTILE, "remedy": HOSTILE}
    store_run(flags=[flag], command=["bench", HOSTILE])
    shown = bench("results", "show", "latest")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count(HOSTILE) >= 4
    listed = bench("results", "ls", "--columns", "flags,command")
    assert listed.stdout.count(HOSTILE) == 2


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (24, ("models", "ls", "--family", "segnext")),
        (60, ("models", "ls", "--family", "segnext")),
        (40, ("devices", "ls")),
        (40, ("results", "show", "latest")),
        (80, ("results", "show", "latest")),
        (60, ("report",)),
    ],
)
def test_no_line_is_longer_than_the_terminal_and_no_word_is_lost(
    on_terminal: OnTerminal, bench: Bench, store_run: StoreRun, words: tuple[str, ...], width: int
) -> None:
    store_run()
    unbroken = ("stored in", "command", "from", "no devices.yaml", "What is not measured", "bench", " ")
    narrow = on_terminal(width, *words)
    assert "…" not in narrow
    for line in narrow.splitlines():
        assert len(line) <= width or line.startswith(unbroken), line
    letters = "".join(narrow.split())
    for word in bench(*words).stdout.split():
        assert "".join(word.split()) in letters or set(word) == {"─"}, word


def test_an_encoding_without_the_letters_will_do(bench: Bench, store_run: StoreRun) -> None:
    store_run()
    ascii_alone = {"PYTHONIOENCODING": "ascii"}
    for words in (("report", "--table", "3"), ("results", "ls", "--columns", "n")):
        done = bench(*words, env=ascii_alone)
        assert (done.returncode, done.stderr) == (0, "")
    assert bench("results", "ls", "--json", env=ascii_alone).json()[0]["status"] == "done"


def test_the_progress_line_is_as_wide_as_the_terminal_and_leaves_nothing(tmp_path: Path) -> None:
    program = """
from types import SimpleNamespace
from latency_bench.harness.cli.progress import ProgressLine
case = SimpleNamespace(spec=SimpleNamespace(id="a-model-with-a-long-name" * 2), rounds=9)
with ProgressLine() as line:
    for count in range(5):
        line.progress(case, 3, SimpleNamespace(stage="sampling", count=count + 1, elapsed_s=2.0, median_ms=18049.6))
"""
    parent, child = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 60, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", program], stderr=child, stdout=subprocess.DEVNULL, cwd=tmp_path)
    os.close(child)
    printed = b""
    try:
        while part := os.read(parent, 65536):
            printed += part
    except OSError:
        pass
    assert process.wait() == 0
    text = printed.decode()
    assert "\n" not in text
    assert all(len(line) < 60 for line in text.split("\r"))
    assert "5 requests in 2 s · median 18050 ms" in text
