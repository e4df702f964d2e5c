"""How a benchmark goes on, on stderr: one changing line on a terminal, plain lines elsewhere.

Nothing is redrawn while a sample is taken: a line is written when the device says something, at most once a second.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click

from latency_bench.harness.cli.figures import milliseconds

if TYPE_CHECKING:
    from latency_bench.devices.runners.base import Progress
    from latency_bench.harness.case import Case

_STAGES = {"starting": "starting", "loaded": "loaded", "warmup": "warming up", "sampling": "sampling"}


class ProgressLine:
    """An Observer (harness/benchmark.py). Use as a context manager, so that the line is cleared at the end."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._shown = 0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def stage(self, text: str) -> None:
        if self._quiet:
            return
        if self._live:
            self._show(text)
        else:
            click.echo(f"bench: {text}", err=True)

    def progress(self, case: Case, round_index: int, progress: Progress) -> None:
        if self._quiet or not self._live:
            return
        words = [case.spec.id, f"round {round_index + 1} of {case.rounds}", _STAGES.get(progress.stage, progress.stage)]
        if progress.count:
            words.append(f"{progress.count} requests in {progress.elapsed_s:.0f} s")
        if progress.median_ms is not None:
            words.append(f"median {milliseconds(progress.median_ms)}")
        # What a narrow terminal has no room for: the model first, which does not change.
        while len(words) > 1 and len(" · ".join(words)) > self._width():
            del words[0]
        self._show(" · ".join(words))

    def _width(self) -> int:
        """Of the terminal, without its last column: a line that fills it would leave a line behind each time."""
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns - 1
        except (OSError, ValueError):
            return 79

    def _show(self, text: str) -> None:
        self._clear()
        shown = text[: self._width()]
        click.echo(shown, err=True, nl=False)
        self._shown = len(shown)

    def _clear(self) -> None:
        if self._shown:
            click.echo("\r" + " " * self._shown + "\r", err=True, nl=False)
            self._shown = 0
