"""Every command line that is shown, in a help, a page or a job's script, is one that the command takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from latency_bench.harness.cli.examples import broken, first_sentence, laid_out
from latency_bench.harness.cli.main import bench

ROOT = Path(__file__).parents[3]
WIDTH = 80
JOB_VALUES = {"size": "64x64", "protocol": "quick", "minutes": "1"}
"""Of the variables in the jobs' scripts."""


def every_command() -> Iterator[tuple[str, click.Command]]:
    """With its words; groups too."""
    waiting: list[tuple[str, click.Command]] = [("bench", bench)]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                waiting.append((f"{words} {name}", below))


COMMANDS = dict(every_command())


@pytest.fixture(autouse=True)
def _specs_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """--specs is in force for its process, which here has other tests too."""
    monkeypatch.setattr("latency_bench.model_specs.catalog.use_specs", lambda file: None)


def parse(line: str, folder: Path) -> None:
    """Reads a line as a shell and the command would, and measures nothing. Raises click.ClickException."""
    words = shlex.split(line, comments=True)
    for word in words:
        file = folder / re.sub(r"^[^=/]*=", "", word)
        if word.endswith("/") and not word.startswith("-"):
            (folder / word).mkdir(parents=True, exist_ok=True)
        elif re.fullmatch(r"[\w./-]+\.(pem|key|yaml|csv|pt|pth|npz|npy|jpg|onnx|tflite|py|zst|engine)", file.name):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("models: []\nfamily: none\n" if file.suffix == ".yaml" else "")
    command: click.Command = bench
    context = click.Context(bench, info_name="bench")
    rest = words[1:]
    while isinstance(command, click.Group):
        if rest and rest[0].startswith("-"):
            break
        name, below, rest = command.resolve_command(context, rest)
        assert below is not None
        parent, command = context, below
        context = command.make_context(name, list(rest), parent=parent, allow_extra_args=isinstance(below, click.Group))
        context.close()


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_help_has_examples_that_the_commands_take(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = COMMANDS[words].examples  # type: ignore[attr-defined]  # fails where a command was declared without
    assert len(examples) >= 1
    for example in examples:
        assert example.startswith("bench ")
        parse(example, tmp_path)
    if not isinstance(COMMANDS[words], click.Group):
        assert any(example.startswith(f"{words} ") or example == words for example in examples)


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_help_is_whole_on_80_columns(words: str) -> None:
    shown = CliRunner().invoke(bench, [*words.split()[1:], "--help"], terminal_width=WIDTH).output
    assert "Examples:\n  bench " in shown or "Examples:\n  # " in shown
    for line in shown.splitlines():
        assert len(line) <= WIDTH, line
        assert line.startswith("Usage: ") or not re.search(r"\w\.\.\.$", line), f"a cut line: {line}"
    # What a shell is shown may be copied: lines joined again are the examples.
    block = shown.partition("Examples:\n")[2].partition("\n\n")[0]
    lines = re.sub(r" \\\n\s*", " ", block).splitlines()
    commands = [line.strip().partition("  # ")[0].rstrip() for line in lines if not line.strip().startswith("# ")]
    assert commands == [example.partition("  # ")[0].rstrip() for example in COMMANDS[words].examples]  # type: ignore[attr-defined]


def lines_of_pages() -> Iterator[tuple[str, str]]:
    """(page, line): each `bench` line of the README and of docs/ that is no sketch of several."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
        for line in re.findall(r"^    (?:\$ )?(bench .*)$", text, re.M):
            command = re.split(r"\s{2,}#|\s{3,}| \| | > | && ", line)[0]
            if not re.search(r"\.\.\.|…|[<$]|\[", command):
                yield page.name, command


def lines_of_jobs() -> Iterator[tuple[str, str]]:
    for script in sorted((ROOT / "docs" / "jobs").glob("*/job.sh")):
        text = re.sub(r"\\\n\s*", "", script.read_text(encoding="utf-8"))
        for line in re.findall(r"^bench .*$", text, re.M):
            yield script.parent.name, re.sub(r'"\$(\w+)"', lambda match: JOB_VALUES[match[1]], line)


def test_lines_of_pages_and_jobs_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused, jobs, pages = [], list(lines_of_jobs()), list(lines_of_pages())
    assert len(jobs) >= 10
    assert len(pages) >= 100
    for place, line in [*jobs, *pages]:
        try:
            parse(line, tmp_path)
        except click.ClickException as error:
            refused.append(f"{place}: {line}: {error.format_message()}")
    assert not refused, "\n".join(refused)


def test_words_stand_beside_an_example_or_above_it() -> None:
    examples = ["bench a  # one", "bench bbb"]
    assert laid_out(examples, 40) == ["bench a    # one", "bench bbb"]
    assert laid_out(examples, 12) == ["# one", "bench a", "bench bbb"]
    assert broken("bench run --model b1-seg --threads 2", 24) == ["bench run --model \\", "    b1-seg --threads 2"]
    assert first_sentence("List them, latest first.\n\n    More.") == "List them, latest first."
