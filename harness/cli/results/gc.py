"""`bench results gc`: remove what is cached and old, or too much."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, store_option

if TYPE_CHECKING:
    from latency_bench.harness.caches import Cached

_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"MB": 10**6, "GB": 10**9, "MiB": 1 << 20, "GiB": 1 << 30}


class _Quantity(click.ParamType[float]):
    """A whole number with a unit."""

    def __init__(self, name: str, units: dict[str, float]) -> None:
        self.name = name
        self.units = units

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"([0-9]{1,9})([A-Za-z]+)", str(value))
        if not found or found[2] not in self.units:
            self.fail(
                f"{value!r}: write a whole number and one of {', '.join(self.units)}, e.g. 30{next(iter(self.units))}"
            )
        return int(found[1]) * self.units[found[2]]


@click.command(
    "gc",
    cls=Command,
    examples=[
        "bench results gc --older-than 30d --dry-run  # what would be removed",
        "bench results gc --older-than 30d --larger-than 20GiB",
    ],
)
@click.option(
    "--older-than", type=_Quantity("AGE", _SECONDS), help="Remove what has not been used for this long: 12h, 30d, 8w."
)
@click.option(
    "--larger-than",
    type=_Quantity("SIZE", {unit: float(count) for unit, count in _BYTES.items()}),
    help="Remove the least recently used until no more than this is left: 500MB, 20GiB.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@store_option
@json_option
def gc(older_than: float | None, larger_than: float | None, dry_run: bool, store: str | None, as_json: bool) -> None:
    """Remove caches: exports, engines built on this computer, indexes, copies of remote runs. Never a stored run.

    With --older-than also what `bench results verify --set-aside` took out of the store so long ago. What was used
    within the last hour stays.
    """
    from latency_bench.harness.caches import everything_cached, remove, superfluous
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.location import store_location

    if older_than is None and larger_than is None:
        raise UsageError("say what to remove: --older-than 30d, --larger-than 20GiB, or both")
    cached = everything_cached(store_location(store))
    chosen = superfluous(cached, older_than, None if larger_than is None else int(larger_than))
    removed = chosen if dry_run else [one for one in chosen if remove(one)]
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "cached_bytes": sum(one.size_bytes for one in cached),
                "removed": [_described(one) for one in removed],
            }
        )
        return
    _print_by_kind(cached, removed, dry_run)


def _described(one: Cached) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "size_bytes": one.size_bytes,
        "paths": [str(path) for path in one.paths],
    }


def _print_by_kind(cached: list[Cached], removed: list[Cached], dry_run: bool) -> None:
    from latency_bench.harness.cli.figures import counted
    from latency_bench.harness.number_text import byte_size

    for kind in sorted({one.kind for one in cached}):
        of_kind = [one for one in cached if one.kind == kind]
        gone = [one for one in removed if one.kind == kind]
        sizes = [byte_size(sum(one.size_bytes for one in some)) for some in (of_kind, gone)]
        verb = "would be removed" if dry_run else "removed"
        click.echo(f"{counted(len(of_kind), kind)}, {sizes[0]}: {len(gone)} {verb}, {sizes[1]}")
    if not cached:
        click.echo("nothing is cached")
