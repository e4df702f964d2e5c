"""`bench man`: a page for every command, with all that its help has, and nothing that roff takes for a request."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from latency_bench.harness.cli.main import bench
from latency_bench.harness.cli.man import every_context
from latency_bench.harness.cli.roff import RoffFormatter, man_page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man") / "man1"
    done = CliRunner().invoke(bench, ["man", "--to", str(folder)], prog_name="bench")
    assert done.exit_code == 0, done.output
    return folder


def test_every_command_has_a_page_that_is_whole(pages: Path) -> None:
    contexts = list(every_context(click.Context(bench, info_name="bench")))
    assert {path.stem for path in pages.iterdir()} == {one.command_path.replace(" ", "-") for one in contexts}
    for context in contexts:
        page = pages / f"{context.command_path.replace(' ', '-')}.1"
        # -ww: every warning that groff has; what it prints otherwise is the page.
        shown = subprocess.run(
            ["groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=200n", page],
            check=True,
            capture_output=True,
            text=True,
        )
        assert shown.stderr == ""
        words = " ".join(shown.stdout.split())
        for example in context.command.examples:  # type: ignore[attr-defined]  # all have some
            assert example.partition("  # ")[0].rstrip() in words.replace(" \\ ", " ")
        for parameter in context.command.get_params(context):
            assert all(option in words for option in parameter.opts if option.startswith("-"))


def test_text_prints_as_it_stands() -> None:
    text = ".SH gone `a` 'b' \"c\" \\d --e"
    command = click.Command("odd", help=text, params=[click.Option(["--x"], help=text)])
    page = man_page(click.Context(command, info_name="odd"), "1")
    shown = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-cbou"], input=page, check=True, capture_output=True, text=True
    )
    assert shown.stderr == ""
    assert len(re.findall(re.escape(text), " ".join(shown.stdout.split()))) == 3


def test_lines_that_stay_as_they_are_keep_their_indentation() -> None:
    formatter = RoffFormatter()
    formatter.write_text("Words\nof one line.\n\n\b\n  first\n      below")
    assert formatter.getvalue() == ".PP\nWords of one line.\n.PP\n.nf\nfirst\n    below\n.fi\n"
