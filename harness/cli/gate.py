"""`bench gate BASELINE`: for a CI job, exit 1 on a clear regression."""

from __future__ import annotations

from pathlib import Path

import click

from latency_bench.harness.cli.output import json_option, print_json, store_option
from latency_bench.harness.cli.shared_options import across_option


@click.command()
@click.argument("baseline", metavar="BASELINE")
@click.option("--candidate", metavar="RUNS", help="Runs to judge. Default: everything in the store.")
@click.option(
    "--threshold",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Smallest difference that matters in practice, in percent.",
)
@across_option
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a Markdown summary here.")
@store_option
@json_option
def gate(
    baseline: str,
    candidate: str | None,
    threshold: float,
    across: tuple[str, ...],
    junit: Path | None,
    markdown: Path | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Exit 1 if runs are clearly slower than a BASELINE (a store's folder, DEVICE/MODEL, or a run), or fail now.

    A difference that is small, not shown, or cannot be judged is no regression; it is printed as what it is. Exit code
    2 if not a single case could be judged.
    """
    from dataclasses import asdict

    from latency_bench.harness.cli.gate_reports import junit_xml, markdown_summary
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.regression import run_gate
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.run_selection import select

    place = store_location(store)
    judged = run_gate(select(place, baseline), select(place, candidate or str(place)), threshold / 100, across)
    if junit is not None:
        junit.write_text(junit_xml(judged), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(markdown_summary(judged), encoding="utf-8")
    if as_json:
        print_json({"regressions": len(judged.regressions), "cases": [asdict(case) for case in judged.cases]})
    else:
        from latency_bench.harness.cli.figures import printable

        for case in judged.cases:
            click.echo(f"{case.outcome:<12}  {printable(case.name)}: {printable(case.reason)}")
    if judged.regressions:
        return 1
    if not judged.conclusive:
        raise UsageError("the gate could judge nothing: see the reasons above")
    return 0
