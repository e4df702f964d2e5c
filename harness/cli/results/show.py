"""`bench results show`: one run, everything that is known of it."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from latency_bench.harness.cli.completion import RUN
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option


@click.command(
    "show",
    cls=Command,
    examples=["bench results show latest", "bench results show latest --command  # the line that measures it again"],
)
@click.argument("run", metavar="[RUN]", type=RUN, default="latest")
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw a pair's ratio over time into this PDF, SVG or PNG."
)
@click.option("--command", "command_only", is_flag=True, help="Print the command that measured it, and nothing else.")
@store_option
@json_option
def show(run: str, plot: Path | None, command_only: bool, store: str | None, as_json: bool) -> None:
    """Show one run, pair or accuracy: its result, and everything needed to judge and to repeat it.

    RUN is the id of it, its beginning, its last six characters, a run's folder, or `latest`.
    """
    from latency_bench.harness.accuracy.recording import runs_of_the_file
    from latency_bench.harness.cli.accuracy import (
        render_accuracy,
        render_accuracy_of_the_file,
        render_runs_of_the_file,
    )
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.pair import plot_pair
    from latency_bench.harness.cli.pair_rendering import render_pair, render_pair_details
    from latency_bench.harness.cli.rendering import render_result
    from latency_bench.harness.cli.run_details import render_details
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.accuracy_listing import find_accuracies
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import StoredAccuracy, StoredPair, open_stored

    place = store_location(store)
    stored = open_stored(place, run)
    if plot is not None:
        if not isinstance(stored, StoredPair):
            raise UsageError("--plot is for pairs; draw a run with `bench plot timeline --run ID --to FILE`")
        plot_pair(stored.path, plot)
    if command_only:
        click.echo(printable(shlex.join(stored.record.command)))
        return
    if as_json:
        print_json({"path": str(stored.path), **stored.record.model_dump(mode="json")})
        return
    console = stdout_console()
    if isinstance(stored, StoredAccuracy):
        render_accuracy(stored.record, stored.path, console)
        render_runs_of_the_file(runs_of_the_file(place, stored.record.artifact.sha256))
        return
    if isinstance(stored, StoredPair):
        render_pair(stored.record, stored.path, console)
        render_pair_details(stored.record, console)
        return
    render_result(stored.record, stored.path, console)
    render_details(stored.record, console)
    if stored.record.artifact is not None:
        render_accuracy_of_the_file(find_accuracies(place), stored.record.artifact.sha256)
