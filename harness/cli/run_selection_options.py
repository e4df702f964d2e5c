"""Which stored runs a command shows: the options that `bench plot` and `bench table` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import DEVICE, MODEL
from latency_bench.harness.cli.shared_options import Resolution

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from latency_bench.harness.store.row_selection import Selection

_OPTIONS = (
    click.option(
        "--device", type=DEVICE, multiple=True, help="Only runs on this device; this and all below are repeatable."
    ),
    click.option("--model", type=MODEL, multiple=True, help="Only runs of this model."),
    click.option("--dataset", multiple=True, help="Only runs of models for this data set."),
    click.option("--runtime", multiple=True, help="Only runs with this runtime."),
    click.option("--precision", multiple=True, help="Only runs at this precision."),
    click.option("--resolution", multiple=True, type=Resolution(), help="Only runs at this input size, HxW."),
    click.option("--batch", multiple=True, type=int, help="Only runs with this many images per request."),
    click.option("--threads", multiple=True, type=int, help="Only runs with this many threads."),
    click.option("--run", "run_ids", multiple=True, metavar="ID", help="This run: an id, its beginning, or `latest`."),
)


def run_selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; `selected` takes what they give."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def selection_of(store: Path, chosen: dict[str, tuple[Any, ...]]) -> Selection:
    """What the options named, by their parameters; a model may be named by its file. Raises UnknownRunError for a run
    that is not there."""
    from latency_bench.harness.model_file.model_named import model_named
    from latency_bench.harness.store.reader import find_run
    from latency_bench.harness.store.row_selection import Selection

    fields = dict(chosen)
    fields["model"] = tuple(map(model_named, fields["model"]))
    run_ids = fields.pop("run_ids")
    return Selection(**fields, run_id=[find_run(store, one).name for one in run_ids])


def stored_runs(store: Path) -> pd.DataFrame:
    """All runs of a store; on stderr, how many of them cannot be read."""
    from latency_bench.harness.store.listing import load_runs
    from latency_bench.harness.store.reader import BrokenRun

    broken: list[BrokenRun] = []
    runs = load_runs(store, on_broken=broken.append)
    if broken:
        click.echo(
            f"bench: {len(broken)} of the runs cannot be read; `bench results verify` says which and why", err=True
        )
    return runs
