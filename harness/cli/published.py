"""`bench published MODEL`: what others published for a model, beside the user's own runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.module_options import specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option

if TYPE_CHECKING:
    from rich.console import Console

    from latency_bench.reports.atlas.own_runs import Run
    from latency_bench.reports.atlas.plausibility import Plausibility
    from latency_bench.reports.atlas.published_run import PublishedRun

    Placed = tuple[Run, Plausibility]


@click.command(
    cls=Command,
    examples=[
        "bench published timm:mobilenetv2_100 --device phone",
        "bench published convnext-t-r224 --device gpu",
        "bench published MobileNet-v2",
    ],
)
@specs_option
@click.argument("model", metavar="MODEL")
@click.option("--device", metavar="KIND|NAME", help="Only phone, board, gpu, cpu or other, or devices with this name.")
@store_option
@json_option
def published(model: str, device: str | None, store: str | None, as_json: bool) -> None:
    """Everything that others published for a model: device, runtime, precision, latency, how sure, and where.

    MODEL is an id of `bench models ls`, timm:NAME, or a name as papers print it. Below stand your own runs of it, and
    whether they are plausible beside what is published.
    """
    from latency_bench.reports.atlas.looking_up import of_kind, runs_of

    runs = of_kind(runs_of(model), device)
    own = own_runs(model, store)
    if as_json:
        print_json(
            {"model": model, "published": [asdict(run) for run in runs], "own": [_own_json(*one) for one in own]}
        )
        return
    console = stdout_console()
    print_published(runs, console)
    _print_own(own, console)


def own_runs(model: str, store: str | None) -> list[Placed]:
    """The latest run of a model in every setting, and where it lies."""
    from latency_bench.reports.papers.library_models import run_id

    return [placed for placed in _placed(store) if placed[0]["model"] == run_id(model)]


def _placed(store: str | None, only: Collection[str] | None = None) -> Iterator[Placed]:
    """Runs at batch 1, each among the others of its setting: the latest of every model, or those with these ids."""
    from latency_bench.harness.store.listing import find_rows
    from latency_bench.harness.store.location import store_location
    from latency_bench.reports.atlas.own_runs import latest_by_setting
    from latency_bench.reports.atlas.plausibility import plausibility

    rows = list(find_rows(store_location(store)))
    settings = latest_by_setting(rows)
    if only is None:
        chosen = [(run, of_setting) for of_setting in settings.values() for run in of_setting.values()]
    else:
        from latency_bench.harness.identity.setting import Setting

        kept = [row for row in rows if row["run_id"] in only and row["median_ms"] is not None]
        chosen = [(row, settings.get(Setting.of_row(row), {})) for row in kept]
    for run, of_setting in chosen:
        yield run, plausibility(run, of_setting)


def print_place(run_ids: Collection[str], store: str | None, console: Console) -> None:
    """What was published of the models of these runs, and where the runs lie."""
    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.atlas.looking_up import known_runs_of

    placed = list(_placed(store, run_ids))
    for model in dict.fromkeys(run["model"] for run, _ in placed):
        console.print()
        console.print(f"published of {printable(model)}", style="bold")
        print_published(known_runs_of(model), console)
    _print_own(placed, console)


def published_json(run_ids: Collection[str], store: str | None) -> dict[str, Any]:
    """The same for programs."""
    from latency_bench.reports.atlas.looking_up import known_runs_of

    placed = list(_placed(store, run_ids))
    models = dict.fromkeys(run["model"] for run, _ in placed)
    return {
        "published": {model: [asdict(run) for run in known_runs_of(model)] for model in models},
        "own": [_own_json(*one) for one in placed],
    }


def print_published(runs: Sequence[PublishedRun], console: Console) -> None:
    from latency_bench.harness.cli.figures import counted, printable
    from latency_bench.reports.terminal_grid import Heading, print_grid

    if not runs:
        console.print("Nothing was published for it on such a device.")
        return
    headings = [
        Heading("device", wraps=True),
        Heading("runtime", wraps=True),
        Heading("precision"),
        Heading("input"),
        Heading("batch", right=True),
        Heading("ms", right=True),
        Heading("img/s", right=True),
        Heading("sure"),
        Heading("the time is of", wraps=True),
        Heading("source", wraps=True),
    ]
    ordered = sorted(runs, key=lambda run: (run.kind, run.device, run.unit, run.runtime, run.precision, run.batch or 0))
    rows = [
        [
            printable(", ".join(word for word in (run.device, run.unit) if word)),
            printable(run.runtime or "–"),
            printable(run.precision or "–"),
            printable(run.resolution or "–"),
            "–" if run.batch is None else str(run.batch),
            "" if run.latency_ms is None else f"{run.latency_ms:g}",
            "" if run.img_s is None else f"{run.img_s:g}",
            run.confidence,
            printable("; ".join(word for word in (run.contains, run.layers) if word) or "–"),
            printable(run.source),
        ]
        for run in ordered
    ]
    print_grid(console, headings, rows)
    console.print(f"{counted(len(runs), 'published measurement')}. How sure: {_confidence_words()}.")


def _confidence_words() -> str:
    from latency_bench.reports.papers.paper_file import CONFIDENCE

    return "; ".join(f"{letter}: {words}" for letter, words in CONFIDENCE.items())


def _print_own(own: Sequence[Placed], console: Console) -> None:
    from rich.text import Text

    from latency_bench.harness.cli.figures import milliseconds, printable
    from latency_bench.harness.identity.setting import Setting

    console.print()
    if not own:
        console.print("You have no run of it at batch 1 in this store.")
    for run, place in own:
        console.print(
            Text.assemble(
                (printable(Setting.of_row(run).label()), "bold"),
                f"  {run['height']:g}x{run['width']:g}  {milliseconds(run['median_ms'])}  {run['path']}",
            )
        )
        console.print(f"  {printable(place.words)}")


def _own_json(run: Run, place: Plausibility) -> dict[str, Any]:
    return {
        "run": run["path"],
        "device": run["device"],
        "runtime": run["runtime"],
        "precision": run["precision"],
        "resolution": f"{run['height']:g}x{run['width']:g}",
        "median_ms": run["median_ms"],
        "platform": place.platform,
        "excess": place.excess,
        "words": place.words,
    }
