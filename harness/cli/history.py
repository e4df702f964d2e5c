"""`bench history`: where the latency of a model changed, over time or commits."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.failures import CANNOT_TELL, FAILED
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.shared_options import Resolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latency_bench.reports.history.build import History
    from latency_bench.reports.history.run_series import RunSeries

_DAYS = re.compile(r"(\d{1,5})d")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")


@click.command(
    cls=Command,
    examples=[
        "bench history b1-seg --device desk",
        "bench history b1-seg --device desk --since 30d --plot history.svg",
        "bench history my-net --device orin --since 1a2b3c4 --json",
    ],
)
@click.argument("model", metavar="MODEL|FILE")
@click.option("--device", type=DEVICE, required=True, help="Device that it was measured on.")
@click.option(
    "--since", metavar="WHEN", help="Changes since this date (2026-11-28), age (30d) or commit. Default: all."
)
@click.option("--runtime", multiple=True, help="Only runs with this runtime; this and all below are repeatable.")
@click.option("--precision", multiple=True, help="Only runs at this precision.")
@click.option("--resolution", multiple=True, type=Resolution(), help="Only runs at this input size, HxW.")
@click.option("--batch", multiple=True, type=int, help="Only runs with this many images per request.")
@click.option("--threads", multiple=True, type=int, help="Only runs with this many threads.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw it into this PDF, SVG or PNG.")
@click.option("--strict", is_flag=True, help="Exit with code 3, not 0, where neither is shown.")
@store_option
@json_option
def history(
    model: str,
    device: str,
    since: str | None,
    plot: Path | None,
    strict: bool,
    store: str | None,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Find where the latency of a model changed, by how much, and what else changed there.

    A file of yours whose content changes from commit to commit needs a name to have a history: `bench run --onnx
    model.onnx --name my-net`.

    All runs of one case are its history. Changes of the level are shown with their interval, and with the versions and
    conditions that changed in the same place. Runs are told apart by commit (`--label commit=...`); a `bench pair` of
    two commits says what the code did, whatever the machine did meanwhile. Exit code 1: the newest level is slower.
    """
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.model_file.model_named import model_named
    from latency_bench.harness.store.listing import load_runs
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.row_selection import Selection
    from latency_bench.reports.history.build import build_history
    from latency_bench.reports.history.commit_chain import chain_of
    from latency_bench.reports.history.run_series import series_of
    from latency_bench.reports.rows import rows_of

    require(["pandas", *(["matplotlib"] if plot is not None else [])])
    place = store_location(store)
    broken: list[Any] = []
    selection = Selection(device=[device], model=[model_named(model)], **chosen)
    found = series_of(rows_of(selection.of(load_runs(place, on_broken=broken.append))))
    pairs = _pairs(place, device, broken)
    if broken:
        click.echo(f"bench: {len(broken)} records cannot be read; `bench results verify` says which and why", err=True)
    if not found:
        raise click.UsageError(
            f"none of the runs of {model} on {device} ended with a latency; `bench results ls` shows why"
        )
    began = None if since is None else moment_of(since, found)
    histories = [build_history(one, chain_of(pairs, one.key), began) for one in found]
    if plot is not None:
        _plot(histories, plot)
    _print(histories, as_json)
    answers = [one.answer()[0] for one in histories]
    return FAILED if "slower" in answers else CANNOT_TELL if strict and "cannot tell" in answers else 0


def moment_of(text: str, found: Sequence[RunSeries]) -> datetime:
    """A date, an age in days, or the first run of a commit. Raises UsageError."""
    from latency_bench.harness.errors import UsageError

    try:
        if days := _DAYS.fullmatch(text):
            return datetime.now(timezone.utc) - timedelta(days=int(days[1]))
        if _DATE.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text} is not a day of the calendar; write a day (2026-11-28), an age (30d) or a commit"
        ) from None
    began = [run.started_at for series in found for run in series.runs if run.commit and run.commit.startswith(text)]
    if not began:
        raise UsageError(
            f"--since {text}: no run was measured at this commit; write a day (2026-11-28), an age (30d) or a "
            "commit that was measured"
        )
    return min(began)


def _pairs(place: Path, device: str, broken: list[Any]) -> list[Any]:
    from latency_bench.harness.store.pair_listing import find_pairs

    return list(find_pairs(place, device, on_broken=broken.append))


def _plot(histories: Sequence[History], path: Path) -> None:
    from latency_bench.reports.plots.history import draw_history
    from latency_bench.reports.plots.style import FigureError, save_drawn

    if len(histories) > 1:
        labels = "; ".join(one.series.key.label() for one in histories[:4])
        raise FigureError(f"{len(histories)} cases are meant, and a figure shows one; choose with --runtime, --threads "
                          f"and their like: {labels}")  # fmt: skip
    save_drawn(draw_history(histories[0]), path)


def _print(histories: Sequence[History], as_json: bool) -> None:
    from latency_bench.harness.cli.history_rendering import history_json, render_history

    if as_json:
        print_json([history_json(one) for one in histories])
        return
    console = stdout_console()
    for index, one in enumerate(histories):
        if index:
            console.rule()
        render_history(one, console)
