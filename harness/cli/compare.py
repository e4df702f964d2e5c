"""`bench compare A B`: is one faster than the other?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import RUN
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.shared_options import Number, across_option

if TYPE_CHECKING:
    from rich.console import Console

    from latency_bench.harness.comparing import Compared, Pair

_COLOURS = {"faster": "green", "slower": "red"}


@click.command(
    cls=Command,
    examples=[
        "bench compare latest 3f9a1c  # two runs",
        "bench compare local/b1-seg local/b2-seg  # all runs of two models",
        "bench compare baseline/ results/  # two stores, case by case",
        "bench compare latest --published  # one run beside what others published",
    ],
)
@click.argument("a", metavar="A", type=RUN)
@click.argument("b", metavar="[B]", type=RUN, required=False)
@click.option(
    "--threshold",
    type=Number(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Smallest difference that matters in practice, in percent.",
)
@across_option
@click.option("--plot", type=click.Path(path_type=Path), help="Draw both distributions into this PDF, SVG or PNG.")
@click.option("--published", is_flag=True, help="Also place each run among what others published; B may be left out.")
@click.option("--measure", is_flag=True, help="Measure both now, side by side: A and B are as in `bench pair`.")
@store_option
@json_option
def compare(
    a: str,
    b: str | None,
    threshold: float,
    across: tuple[str, ...],
    plot: Path | None,
    published: bool,
    measure: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Is B faster than A? Each is a run, DEVICE/MODEL, a device, a model (its id, or a file of your own), or the folder
    of another store.

    B's latency over A's, from the medians of the rounds. A verdict needs seven rounds on each side. With --measure the
    answer is that of `bench pair A B`, which has more options.
    """
    from latency_bench.harness.installation.requirements import require

    if b is None:
        if not published or plot is not None or measure:
            raise click.UsageError("name two sides, A and B, or one run with --published")
        return _place(a, store, as_json)
    if plot is not None:
        require(["pandas", "matplotlib"])
    if measure:
        from latency_bench.harness.cli.pair import measure_and_print, pair_request

        if across:
            raise click.UsageError("--across is for stored runs; with --measure, A and B themselves say what differs")
        return measure_and_print(pair_request([a, b]), plot, wait=False, store=store, quiet=False, as_json=as_json)
    from latency_bench.harness.comparing import compare_sets
    from latency_bench.harness.model_file.model_named import model_named
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.run_selection import select

    place = store_location(store)
    sides = [select(place, model_named(text) if Path(text).is_file() else text) for text in (a, b)]
    compared = compare_sets(sides[0], sides[1], threshold / 100, across)
    if plot is not None:
        from latency_bench.reports.plots.comparison import draw_comparison

        draw_comparison(compared, a, b, plot)
    run_ids = {run.record.run_id for side in sides for run in side.runs}
    if as_json:
        from latency_bench.harness.cli.published import published_json

        print_json(comparison_json(compared) | (published_json(run_ids, store) if published else {}))
        return 0
    print_comparison(compared, a, b, stdout_console())
    if published:
        from latency_bench.harness.cli.published import print_place

        print_place(run_ids, store, stdout_console())
    return 0


def _place(run: str, store: str | None, as_json: bool) -> int:
    """Print what was published of the models of these runs, and where the runs lie."""
    from latency_bench.harness.cli.published import print_place, published_json
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.run_selection import select

    run_ids = {one.record.run_id for one in select(store_location(store), run).runs}
    if as_json:
        print_json(published_json(run_ids, store))
    else:
        print_place(run_ids, store, stdout_console())
    return 0


def comparison_json(compared: Compared) -> dict[str, Any]:
    return {
        "cases": [_case_json(pair) for pair in compared.pairs],
        "only_in_a": list(compared.only_a),
        "only_in_b": list(compared.only_b),
    }


def _case_json(pair: Pair) -> dict[str, Any]:
    found = pair.comparison
    document: dict[str, Any] = {
        "case": pair.name,
        "case_a": pair.a.key.label(),
        "case_b": pair.b.key.label(),
        "verdict": verdict_of(pair),
        "runs_a": [run.record.run_id for run in pair.a.runs],
        "runs_b": [run.record.run_id for run in pair.b.runs],
        "compared_across": list(pair.differences.details),
        "obstacles": list(pair.differences.obstacles),
        "across_needed": list(pair.differences.in_the_way),
    }
    if found is not None and pair.medians_ms is not None:
        document |= {
            "median_a_ms": pair.medians_ms[0],
            "median_b_ms": pair.medians_ms[1],
            "ratio": found.ratio,
            "ratio_low": found.low,
            "ratio_high": found.high,
            "confidence": found.confidence,
            "p_value": found.p_value,
            "p_adjusted": found.p_adjusted,
            "rounds_a": found.rounds_a,
            "rounds_b": found.rounds_b,
            "rounds_needed": found.rounds_needed,
            "text": found.text,
        }
    return document


def verdict_of(pair: Pair) -> str:
    """faster, slower, no difference shown, cannot be compared, too few rounds, or `no number`."""
    return pair.comparison.verdict if pair.comparison else "no number"


def print_comparison(compared: Compared, a: str, b: str, console: Console) -> None:
    from rich.text import Text

    from latency_bench.harness.cli.figures import milliseconds, printable
    from latency_bench.harness.number_text import ratio_cells
    from latency_bench.reports.terminal_grid import Cell, Heading, print_grid

    console.print(
        Text.assemble("A: ", (printable(a), "bold"), "   B: ", (printable(b), "bold"), "   (latency of B over A)")
    )
    numbers = [Heading(name, right=True) for name in ("A median", "B median", "B / A", "95 % interval")]
    rows: list[list[Cell]] = []
    for pair in compared.pairs:
        found = pair.comparison
        if found is None or pair.medians_ms is None:
            rows.append([printable(pair.name), "", "", "", "", "no number"])
            continue
        figures = ratio_cells(found.ratio, found.low, found.high)
        medians = [milliseconds(value) for value in pair.medians_ms]
        verdict = Text(found.verdict, _COLOURS.get(found.verdict, ""))
        rows.append([printable(pair.name), *medians, *figures, verdict])
    print_grid(console, [Heading("case", wraps=True), *numbers, Heading("verdict", wraps=True)], rows)
    for pair in compared.pairs:
        console.print()
        console.print(Text(printable(pair.name), "bold"))
        for line in explanation(pair):
            console.print(f"  {printable(line)}")
    for label, names in (("A", compared.only_a), ("B", compared.only_b)):
        if names:
            console.print(f"\nonly in {label}: {printable(', '.join(names))}")


def explanation(pair: Pair) -> list[str]:
    """Why the verdict is what it is, in sentences."""
    lines = []
    if pair.comparison is not None:
        lines.append(pair.comparison.text)
    for label, side in (("A", pair.a), ("B", pair.b)):
        if side.failure:
            lines.append(f"{label} has no number: {side.failure}")
        elif side.unstable():
            lines.append(f"{label} never settled in some round; its numbers describe those runs alone")
    if pair.differences.question:
        lines.append(f"compared across {pair.differences.question}: {'; '.join(pair.differences.details)}")
    if pair.differences.obstacles:
        lines.append(pair.differences.remedy())
    return lines
