"""`bench gate`: for a CI job, is a candidate slower than a baseline?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from latency_bench.harness.cli.output import json_option, print_json, store_option
from latency_bench.harness.cli.shared_options import across_option

if TYPE_CHECKING:
    from latency_bench.harness.gating.budgets import Budgets
    from latency_bench.harness.gating.gate_result import GatedCase, GateResult
    from latency_bench.harness.store.run_selection import RunSet

_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("baseline", metavar="[BASELINE]", required=False)
@click.option("--candidate", metavar="RUNS", help="Runs to judge. Default: what the store has besides the baseline.")
@click.option(
    "--threshold",
    type=_POSITIVE,
    default=3.0,
    show_default=True,
    help="Smallest slowdown that matters in practice, in percent.",
)
@click.option("--max-ratio", type=_POSITIVE, help="Largest candidate / baseline, in place of --threshold; e.g. 0.9.")
@click.option("--max-ms", type=_POSITIVE, help="Budget of the median latency of every case of the candidate, in ms.")
@click.option("--max-mb", type=_POSITIVE, help="Budget of the largest resident memory of its processes, in 10^6 bytes.")
@across_option
@click.option("--strict", is_flag=True, help="Exit 3 where nobody can tell, in place of 0.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a Markdown summary here.")
@store_option
@json_option
def gate(
    baseline: str | None,
    candidate: str | None,
    threshold: float,
    max_ratio: float | None,
    max_ms: float | None,
    max_mb: float | None,
    across: tuple[str, ...],
    strict: bool,
    junit: Path | None,
    markdown: Path | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Is a candidate slower than a BASELINE (a store's folder, DEVICE/MODEL, or a run), or beyond a budget?

    \b
    fine         it was shown that no case is slower by more than the threshold     exit code 0
    worse        it was shown that a case is, or it fails now                       exit code 1
    cannot tell  neither was shown; what would have been seen is printed            exit code 0, with --strict 3

    Runs of different sessions differ by what the machine did meanwhile; the store's repeated runs show how much.
    """
    from latency_bench.harness.gating.budgets import Budgets
    from latency_bench.harness.gating.gate_result import GateResult

    limit = 1 + threshold / 100 if max_ratio is None else max_ratio
    result = GateResult(_judge_stored(baseline, candidate, limit, across, Budgets(max_ms, max_mb), store))
    return report_gate(result, strict, junit, markdown, as_json)


def _judge_stored(
    baseline: str | None,
    candidate: str | None,
    limit: float,
    across: tuple[str, ...],
    budgets: Budgets,
    store: str | None,
) -> tuple[GatedCase, ...]:
    """Raises UsageError where there is nothing to judge, or nothing to hold it against."""
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.gating.budgets import gate_budgets
    from latency_bench.harness.gating.stored_gate import gate_stored
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.run_selection import RunSet, select

    if baseline is None and not budgets:
        raise UsageError("name a BASELINE, or a budget: --max-ms or --max-mb")
    place = store_location(store)
    old = RunSet("", ()) if baseline is None else select(place, baseline)
    everything = _all_runs(place)
    new = _without(everything, old) if candidate is None else select(place, candidate)
    if not new.runs:
        raise UsageError("the store has no runs besides the baseline's: measure some, or name others with --candidate")
    cases = () if baseline is None else gate_stored(old, new, limit, across, _without(everything, new).runs)
    return (*cases, *gate_budgets(new, budgets))


def _all_runs(store: Path) -> RunSet:
    from latency_bench.harness.store.errors import UnknownRunError
    from latency_bench.harness.store.run_selection import RunSet, select

    try:
        return select(store, str(store))
    except UnknownRunError:
        return RunSet(str(store), ())


def _without(runs: RunSet, others: RunSet) -> RunSet:
    from latency_bench.harness.store.run_selection import RunSet

    left_out = {run.path.resolve() for run in others.runs}
    return RunSet(runs.label, tuple(run for run in runs.runs if run.path.resolve() not in left_out))


def report_gate(result: GateResult, strict: bool, junit: Path | None, markdown: Path | None, as_json: bool) -> int:
    """Print and write the result; the command's exit code."""
    from latency_bench.harness.cli.failures import CANNOT_TELL, FAILED
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.gate_reports import gate_heading, junit_xml, markdown_summary

    if junit is not None:
        junit.write_text(junit_xml(result, strict), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(markdown_summary(result), encoding="utf-8")
    if as_json:
        print_json(result.to_json())
    else:
        for case in result.cases:
            click.echo(f"{case.answer:<11}  {printable(case.name)}\n             {printable(case.reason)}")
            for label, side in (("baseline", case.baseline), ("candidate", case.candidate)):
                if side:
                    click.echo(f"             {label:<9} {printable(side)}")
        click.echo(f"{result.answer}; {gate_heading(result)}")
    if result.answer == "worse":
        return FAILED
    return CANNOT_TELL if strict and result.answer == "cannot tell" else 0
