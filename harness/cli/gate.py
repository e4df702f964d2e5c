"""`bench gate`: for a CI job, is a candidate slower than a baseline?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.condition_options import CONDITIONS, condition_options, given
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.label_option import label_option
from latency_bench.harness.cli.model_file_options import model_file_options
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, store_option
from latency_bench.harness.cli.shared_options import (
    Number,
    across_option,
    batch_option,
    device_option,
    precision_or_own_option,
    resolution_option,
    runtime_option,
    wait_option,
)

_POSITIVE = Number(min=0, min_open=True)


@click.command(
    cls=Command,
    examples=[
        "bench gate baseline/  # stored runs of two sessions: the machine may have changed meanwhile",
        "bench gate --against main --candidate new.onnx  # a kept file and a new one, side by side, until it is known",
        "bench gate --against git:main --candidate model.onnx  # the same file as main has it",
        "bench gate --against main --module mynet.py:Net --input 3x224x224  # a network in a Python file",
    ],
)
@click.argument("baseline", metavar="[BASELINE]", required=False)
@device_option
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    metavar="RUNS|FILE|ID",
    help="What to judge. Default: the runs that the store has besides the baseline's.",
)
@click.option(
    "--against",
    multiple=True,
    metavar="NAME|RUN|FILE|ID|git:REV",
    help="Measure now, beside the candidate: a kept baseline, a run, a side of `bench pair`, or the candidate's file "
    "as it was at a revision of git (git:main, git:v1:models/b1.onnx). Repeatable, each with a --candidate.",
)
@click.option(
    "--baselines", type=click.Path(file_okay=False, path_type=Path), help="Folder of `bench baseline keep --to`."
)
@module_options("candidates", "against", own_inputs=False, own_name=False)
@partial(model_file_options, own_name=False)
@specs_option
@runtime_option
@precision_or_own_option
@resolution_option
@batch_option
@condition_options("weights", "seed")
@click.option("--protocol", default="quick", show_default=True, metavar="NAME|FILE", help="Warm-up, with --against.")
@click.option(
    "--max-minutes",
    type=_POSITIVE,
    default=10.0,
    show_default=True,
    help="Time for measuring all cases, with --against; exports and trials are not counted.",
)
@click.option(
    "--count",
    type=click.Choice(["instructions"]),
    help="Also count the instructions of a request, with --against: a cost that a busy machine does not change. It is "
    "judged by itself.",
)
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
@click.option(
    "--min-accuracy",
    type=Number(0, 100),
    help="Least accuracy of everything that `bench accuracy` stored (top-1 or mIoU in per cent, PSNR in dB).",
)
@click.option(
    "--max-drop",
    type=Number(min=0),
    help="Points of accuracy (dB of PSNR) that may be lost against the BASELINE store, on the same images.",
)
@across_option
@label_option(
    "Label for both sides of every pair, or with a comma one for each: commit=1a2b3c4,5d6e7f8. The baseline at a "
    "revision of git has its commit already. Repeatable, with --against."
)
@click.option("--strict", is_flag=True, help="Exit with code 3, not 0, where the answer is: cannot tell.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a Markdown summary here.")
@wait_option
@store_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
@click.pass_context
def gate(
    context: click.Context,
    /,
    baseline: str | None,
    candidates: tuple[str, ...],
    against: tuple[str, ...],
    files: list[tuple[Path, str]],
    of_files: dict[str, Any],
    baselines: Path | None,
    device_name: str,
    protocol: str,
    max_minutes: float,
    count: str | None,
    wait: bool,
    quiet: bool,
    threshold: float,
    max_ratio: float | None,
    max_ms: float | None,
    max_mb: float | None,
    min_accuracy: float | None,
    max_drop: float | None,
    across: tuple[str, ...],
    labels: tuple[tuple[str, str], ...],
    strict: bool,
    junit: Path | None,
    markdown: Path | None,
    store: str | None,
    as_json: bool,
    **conditions: Any,
) -> int:
    """Is a candidate slower than a BASELINE (a store's folder, DEVICE/MODEL, or a run), or beyond a budget?

    \b
    fine         shown: no case is slower by more than the threshold (exit code 0)
    worse        shown: a case is, or it fails now (exit code 1)
    cannot tell  neither was shown; the smallest slowdown that would have been
                 seen is printed (exit code 0, with --strict 3)

    Runs of different sessions differ by what the machine did meanwhile; the store's repeated runs show how much.
    With --against both are measured now, taking turns on the same machine; the options for how a model runs, from
    --runtime to --input-type, are for that, where a side does not state them itself. Nothing is decided before seven
    rounds of stored runs, or ten pairs of processes with --against.
    """
    from latency_bench.harness.cli import gate_measuring, gate_stored
    from latency_bench.harness.cli.gate_reports import report_gate
    from latency_bench.harness.gating.budgets import Budgets, gate_pair_budgets
    from latency_bench.harness.gating.gate_result import GateResult

    limit = 1 + threshold / 100 if max_ratio is None else max_ratio
    budgets = Budgets(max_ms, max_mb)
    if against:
        of_stored = (baseline, min_accuracy, max_drop)
        sides = len(candidates) + len(files)
        if any(one is not None for one in of_stored) or sides != len(against):
            raise click.UsageError(
                "--against takes a --candidate (or --module, --onnx, ...) each, and neither a BASELINE nor budgets of "
                "accuracy (--min-accuracy, --max-drop)"
            )
        where = {"device": device_name, "protocol": protocol}
        pairs = gate_measuring.sides(
            against, [*candidates, *files], of_files, baselines, where, given(conditions), across, labels, store
        )
        measured = gate_measuring.measure(pairs, limit, max_minutes, count is not None, across, wait, store, quiet)
        result = GateResult((*measured, *gate_pair_budgets(pairs, budgets)))
    elif count is not None or labels:
        raise click.UsageError("--count and --label need --against: stored runs have their times and labels already")
    else:
        if files or of_files or given(conditions):
            raise click.UsageError(f"{_first_given(context)} is for what is measured now; name its --against")
        if len(candidates) > 1:
            raise click.UsageError("stored runs have one --candidate; name a store's folder for many cases")
        candidate = candidates[0] if candidates else None
        accuracies = tuple(gate_stored.judge_accuracies(baseline, min_accuracy, max_drop, store))
        if accuracies and not budgets and not gate_stored.has_runs(baseline):
            return report_gate(GateResult(accuracies), strict, junit, markdown, as_json)
        cases = gate_stored.judge_stored(baseline, candidate, limit, across, budgets, store)
        result = GateResult((*cases, *accuracies))
    return report_gate(result, strict, junit, markdown, as_json)


def _first_given(context: click.Context) -> str:
    """Of the options that are for measuring, the first that was given, as it is written."""
    from latency_bench.harness.case_options import OF_FILES
    from latency_bench.harness.cli.model_file_options import FILE_ARGUMENT

    of_measuring = {"runtime", "precision", "resolution", "batch", *CONDITIONS, *OF_FILES}
    named = (
        parameter.opts[0]
        for parameter in context.command.params
        if (parameter.name in of_measuring or str(parameter.name).startswith(FILE_ARGUMENT))
        and context.get_parameter_source(str(parameter.name)) is click.core.ParameterSource.COMMANDLINE
    )
    return next(named)
