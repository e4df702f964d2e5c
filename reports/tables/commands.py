"""The `bench run` line that would fill a cell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.tables.text import one_line


@dataclass(frozen=True)
class Command:
    """A line for one model; lines that differ in the model alone are one."""

    model: str
    options: tuple[str, ...]

    @property
    def text(self) -> str:
        return _line([self.model], self.options)


def run_command(
    model: str,
    setting: Setting,
    *,
    batch: int = 1,
    resolution: tuple[int, int] | None = None,
    throughput: bool = False,
) -> Command:
    """The line that measures a model in a setting; `throughput` also with two requests in flight."""
    words = ["--device", setting.device]
    if setting.runtime:
        words += ["--runtime", setting.runtime]
    if setting.threads is not None:
        words += ["--threads", str(setting.threads)]
    if setting.precision != "fp32":
        words += ["--precision", setting.precision]
    for option in setting.unusual_options():
        words += ["--runtime-option", option]
    if resolution is not None:
        words += ["--resolution", f"{resolution[0]}x{resolution[1]}"]
    if batch != 1:
        words += ["--batch", str(batch)]
    if throughput:
        words += ["--streams", "2"]
    return Command(model, tuple(words))


def merged(commands: Sequence[Command]) -> tuple[str, ...]:
    """One line for all models that are to be measured in the same way: their rounds are then interleaved."""
    models: dict[tuple[str, ...], list[str]] = {}
    for command in commands:
        of_these = models.setdefault(command.options, [])
        if command.model not in of_these:
            of_these.append(command.model)
    return tuple(_line(names, options) for options, names in models.items())


def _line(models: Sequence[str], options: Sequence[str]) -> str:
    named = [word for model in models for word in ("--model", model)]
    return shlex.join(["bench", "run", *(one_line(word, 200) for word in (*options, *named))])
