"""The text of `--help` as a man page: a click formatter that writes roff in place of columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import dedent

import click

_LITERAL = "\b"
"""What click has before a paragraph whose lines stay as they are."""


class RoffFormatter(click.HelpFormatter):
    """Takes what a command says of itself, in the order in which `--help` shows it."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        self._request("SH", "SYNOPSIS")
        self._request("B", prog)
        self._text(args)
        self._request("SH", "DESCRIPTION")

    def write_heading(self, heading: str) -> None:
        self._request("SH", heading.upper())

    def write_paragraph(self) -> None:
        self._request("PP")

    def write_text(self, text: str) -> None:
        for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
            self.write_paragraph()
            if paragraph.lstrip().startswith(_LITERAL):
                self.write(paragraph.lstrip().removeprefix(_LITERAL).lstrip("\n") + "\n")
            else:
                self._text(" ".join(paragraph.split()))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        for term, text in rows:
            self._request("TP")
            self._request("B", term)
            self._text(text)

    def write(self, string: str) -> None:
        """Lines as they stand."""
        self._request("nf")
        for line in dedent(string).rstrip("\n").split("\n"):
            self._text(line)
        self._request("fi")

    def _request(self, name: str, argument: str = "") -> None:
        quoted = f' "{escaped(argument)}"' if argument else ""
        self.buffer.append(f".{name}{quoted}\n")

    def _text(self, text: str) -> None:
        if text:
            # A line that begins with a dot would be a request.
            guard = "\\&" if text.startswith(".") else ""
            self.buffer.append(f"{guard}{escaped(text)}\n")


def escaped(text: str) -> str:
    """As a line of text that prints just this: hyphens that can be searched for and copied."""
    return (
        text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq").replace("`", "\\(ga")
    )


def man_page(context: click.Context, version: str) -> str:
    """The page of section 1 of the command of this context."""
    name = context.command_path.replace(" ", "-")
    formatter = RoffFormatter()
    context.command.format_help(context, formatter)
    summary = escaped(context.command.get_short_help_str(limit=1000))
    header = f'.TH "{escaped(name.upper())}" "1" "" "bench {escaped(version)}" "bench"\n'
    return f"{header}.SH NAME\n{escaped(name)} \\- {summary}\n{formatter.getvalue()}"
