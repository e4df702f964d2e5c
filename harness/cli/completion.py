"""What a shell offers while a command is typed: names of devices, models and runs; nothing where they cannot be read.

eval "$(_BENCH_COMPLETE=bash_source bench)"     in ~/.bashrc; zsh_source and fish_source likewise
"""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem

_MOST_RUNS = 50


class _Name(click.ParamType[str]):
    """Text that a shell can complete."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def names(self) -> Iterator[tuple[str, str]]:
        """Each with a word of help."""
        raise NotImplementedError

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(name, help=text) for name, text in self.names() if name.startswith(incomplete)]
        except Exception:  # whatever it is, a shell is no place to tell it
            return []


class DeviceName(_Name):
    def names(self) -> Iterator[tuple[str, str]]:
        from latency_bench.devices.inventory import read_inventory

        for name, device in read_inventory().devices.items():
            yield name, f"{device.transport}, {device.runtime}"


class ModelName(_Name):
    def names(self) -> Iterator[tuple[str, str]]:
        from latency_bench.model_specs import list_specs

        for spec in list_specs():
            yield spec.id, spec.title


class RunName(_Name):
    """The latest runs of the store that is in force."""

    def names(self) -> Iterator[tuple[str, str]]:
        from latency_bench.harness.store.location import store_location
        from latency_bench.harness.store.reader import run_names

        yield "latest", "the run that was stored last"
        for name in sorted(run_names(store_location(None)), key=lambda name: name.rpartition("/")[2])[-_MOST_RUNS:]:
            of, _, run = name.rpartition("/")
            yield run, of


DEVICE, MODEL, RUN = DeviceName(), ModelName(), RunName()
