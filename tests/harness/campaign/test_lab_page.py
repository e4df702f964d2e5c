"""docs/lab.md: each row of its table is held by a test that exists, and its units start what this program has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from latency_bench.harness.cli.host import host

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")


def test_every_row_of_the_table_names_a_test_that_there_is():
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and "`test_" in line]
    assert len(rows) >= 10
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "harness").rglob("test_*.py"))
    for row in rows:
        (name,) = re.findall(r"`(test_\w+)`", row)
        assert f"def {name}(" in tests, row


def test_the_units_start_commands_with_options_that_they_have():
    from distributed.cli.dask_scheduler import main as scheduler

    starts = [line.split("=", 1)[1] for line in PAGE.splitlines() if line.strip().startswith("ExecStart=")]
    assert len(starts) == 2
    for line in starts:
        program, command, *words = shlex.split(line)
        known: dict[str, click.Command] = {"dask scheduler": scheduler, "bench host": host}
        found = known[f"{Path(program).name} {command}"]
        options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = {word for word in words if word.startswith("--")}
        assert used
        assert used <= options
