"""Commands whose help has examples: declared with the command, shown by `--help` and by its man page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import click

_HEADING = "Examples"
_BESIDE = 2
"""Spaces between an example and what it says of itself."""


class _WithExamples:
    """What a command and a group have in common."""

    examples: tuple[str, ...]
    """Lines of a shell; behind `#` what one does where the line alone does not say it."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)  # type: ignore[misc]  # of the click class beside this one
        if self.examples:
            with formatter.section(_HEADING):
                for line in laid_out(self.examples, formatter.width - formatter.current_indent):
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Command(_WithExamples, click.Command):
    def __init__(self, *args: Any, examples: Sequence[str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)


class Group(_WithExamples, click.Group):
    """A group that says of each command all that there is to say in a line, and does not cut it."""

    command_class = Command

    def __init__(self, *args: Any, examples: Sequence[str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(self.summaries(ctx))

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Of each command its name, and the first sentence of its help."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        return [(name, first_sentence(command.help or "")) for name, command in commands.items() if command]


def first_sentence(help_text: str) -> str:
    """Of a command's help, in one line: its first sentence, up to a colon's or semicolon's explanation."""
    paragraph = " ".join(help_text.partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."


def laid_out(examples: Sequence[str], width: int) -> list[str]:
    """The lines that show these examples in so many columns; they can be copied as they stand. What one does stands
    behind it where there is room for all of them, else above it."""
    split = [(command.rstrip(), words.strip()) for command, _, words in (line.partition("  # ") for line in examples)]
    column = max(len(command) for command, _ in split) + _BESIDE
    if all(not words or column + len(f"# {words}") <= width for _, words in split):
        of_each = [[f"{command:{column}}# {words}"] if words else broken(command, width) for command, words in split]
    else:
        of_each = [[*([f"# {words}"] if words else []), *broken(command, width)] for command, words in split]
    return [line for lines in of_each for line in lines]


def broken(command: str, width: int) -> list[str]:
    """A shell command in lines of so many columns, the way that a shell joins them again."""
    if len(command) <= width:
        return [command]
    lines, line = [], ""
    for word in command.split(" "):
        if line and len(f"{line} {word} \\") > width:
            lines.append(f"{line} \\")
            line = "   "
        line = f"{line} {word}" if line else word
    assert shlex.split(" ".join(part.removesuffix("\\") for part in [*lines, line])) == shlex.split(command)
    return [*lines, line]
