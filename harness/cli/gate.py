"""`bench gate`: for a CI job, is a candidate slower than a baseline?"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.label_option import label_option
from latency_bench.harness.cli.model_file_options import model_file_options, refuse_without_file
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json, store_option
from latency_bench.harness.cli.shared_options import Number, across_option, batch_option, wait_option
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from latency_bench.harness.gating.budgets import Budgets
    from latency_bench.harness.gating.gate_result import GatedCase, GateResult
    from latency_bench.harness.gating.measured_gate import GatePair
    from latency_bench.harness.store.run_selection import RunSet

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
@click.option(
    "--device", "device", type=DEVICE, default="local", show_default=True, help="Device to measure on, with --against."
)
@batch_option
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
    "What both sides of every pair are called, or with a comma each of them: commit=1a2b3c4,5d6e7f8. The baseline at a "
    "revision of git has its commit already. Repeatable, with --against."
)
@click.option("--strict", is_flag=True, help="Exit 3 where nobody can tell, in place of 0.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a Markdown summary here.")
@wait_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@store_option
@json_option
def gate(
    baseline: str | None,
    candidates: tuple[str, ...],
    against: tuple[str, ...],
    files: list[tuple[Path, str]],
    of_files: dict[str, Any],
    baselines: Path | None,
    device: str,
    batch: int | None,
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
) -> int:
    """Is a candidate slower than a BASELINE (a store's folder, DEVICE/MODEL, or a run), or beyond a budget?

    \b
    fine         shown: no case is slower by more than the threshold (exit code 0)
    worse        shown: a case is, or it fails now (exit code 1)
    cannot tell  neither was shown; what would have been seen is printed
                 (exit code 0, with --strict 3)

    Runs of different sessions differ by what the machine did meanwhile; the store's repeated runs show how much.
    With --against both are measured now, and the machine is the same for both. Nothing is decided before seven rounds
    of stored runs, or ten pairs of processes with --against.
    """
    from latency_bench.harness.gating.budgets import Budgets
    from latency_bench.harness.gating.gate_result import GateResult

    limit = 1 + threshold / 100 if max_ratio is None else max_ratio
    budgets = Budgets(max_ms, max_mb)
    if against:
        of_stored = (baseline, min_accuracy, max_drop)
        sides = len(candidates) + len(files)
        if any(one is not None for one in of_stored) or budgets or sides != len(against):
            raise click.UsageError(
                "--against takes a --candidate (or --module, --onnx, ...) each, and neither a BASELINE nor budgets "
                "(--max-ms, --min-accuracy, ...)"
            )
        common = {"device": device, "protocol": protocol, "batch": batch}
        pairs = _sides(against, [*candidates, *files], of_files, baselines, common, across, labels, store)
        result = GateResult(_measure(pairs, limit, max_minutes, count is not None, across, wait, store, quiet))
    elif count is not None or labels:
        raise click.UsageError("--count and --label need --against: stored runs have their times and labels already")
    else:
        if files or of_files or batch is not None:
            raise click.UsageError("files, their sizes and --batch are for what is measured now; name its --against")
        if len(candidates) > 1:
            raise click.UsageError("stored runs have one --candidate; name a store's folder for many cases")
        candidate = candidates[0] if candidates else None
        accuracies = tuple(_judge_accuracies(baseline, min_accuracy, max_drop, store))
        if accuracies and not budgets and not _has_runs(baseline):
            return report_gate(GateResult(accuracies), strict, junit, markdown, as_json)
        cases = _judge_stored(baseline, candidate, limit, across, budgets, store)
        result = GateResult((*cases, *accuracies))
    return report_gate(result, strict, junit, markdown, as_json)


def _sides(
    against: Sequence[str],
    candidates: Sequence[str | tuple[Path, str]],
    of_files: dict[str, Any],
    baselines: Path | None,
    common: dict[str, Any],
    across: tuple[str, ...],
    labels: Sequence[tuple[str, str]],
    store: str | None,
) -> list[GatePair]:
    """Every baseline with its candidate. A file is held against a file: a model's export."""
    from latency_bench.devices.temporary_folder import TemporaryFolder
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.cli.baseline import baselines_folder
    from latency_bench.harness.cli.pair import labelled
    from latency_bench.harness.gating.gate_sides import (
        as_brought,
        file_as_side,
        refuse_unlike,
        side_at_revision,
        side_named,
        with_own_commit,
    )
    from latency_bench.harness.gating.git_file import MARK
    from latency_bench.harness.gating.measured_gate import GatePair
    from latency_bench.harness.shared_sizes import narrowed
    from latency_bench.harness.store.location import store_location

    folder, place = baselines_folder(baselines, store), store_location(store)
    pairs = []
    for old_text, new_text in zip(against, candidates, strict=True):
        named = partial(side_named, common=common, of_files=of_files, baselines=folder, store=place)
        new = named(new_text) if isinstance(new_text, str) else file_as_side(*new_text, common, of_files)
        with TemporaryFolder("revision") as files:
            old = side_at_revision(old_text, new, files) if old_text.startswith(MARK) else named(old_text)
            refuse_without_file(of_files, [side for side in (old, new) if side.options.file is not None])
            # From here on the file is kept in the cache.
            new = with_own_commit(new) if old_text.startswith(MARK) else new
            both = narrowed(labelled([old.options, new.options], labels))
            old_case, new_case = (case_of(options, single=True) for options in both)
        if (old_case.artifact is None) != (new_case.artifact is None):
            old_case, new_case = (
                case if case.artifact is not None else case_of(as_brought(case, common), single=True)
                for case in (old_case, new_case)
            )
        refuse_unlike(old_case, new_case, across)
        pairs.append(GatePair(old_case, new_case, old.name, new.name, old.sha256))
    return pairs


def _measure(
    pairs: Sequence[GatePair],
    limit: float,
    max_minutes: float,
    counted: bool,
    across: tuple[str, ...],
    wait: bool,
    store: str | None,
    quiet: bool,
) -> tuple[GatedCase, ...]:
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.gating.instruction_gate import gate_instructions
    from latency_bench.harness.gating.measured_gate import gate_measured
    from latency_bench.harness.instructions.counting import refuse_uncountable
    from latency_bench.harness.store.location import store_location

    command = command_without_secrets(["bench", *sys.argv[1:]])
    if counted:
        refuse_uncountable([case for pair in pairs for case in (pair.baseline, pair.candidate)])
    with ProgressLine(quiet) as progress:
        cases = gate_measured(pairs, limit, max_minutes, store_location(store), command, progress, across, wait)
        if counted:
            measured = [pair for pair in pairs if not pair.failed]
            cases += gate_instructions(measured, limit, command, wait, progress.stage)
    return cases


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
        raise UsageError("name a BASELINE, or a budget: --max-ms, --max-mb or --min-accuracy")
    place = store_location(store)
    old = RunSet("", ()) if baseline is None else select(place, baseline)
    everything = _all_runs(place)
    new = _without(everything, old) if candidate is None else select(place, candidate)
    if not new.runs:
        raise UsageError("the store has no runs besides the baseline's: measure some, or name others with --candidate")
    cases = () if baseline is None else gate_stored(old, new, limit, across, _without(everything, new).runs)
    return (*cases, *gate_budgets(new, budgets))


def _judge_accuracies(
    baseline: str | None, min_accuracy: float | None, max_drop: float | None, store: str | None
) -> Iterator[GatedCase]:
    """Raises UsageError where there is nothing to judge, or nothing to hold it against."""
    if min_accuracy is None and max_drop is None:
        return
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.gating.accuracy_budgets import gate_drop, gate_least_accuracy, latest_accuracies
    from latency_bench.harness.store.location import store_location

    place = store_location(store)
    found = list(latest_accuracies(place).values())
    if not found:
        raise UsageError("the store has no accuracy: measure one with `bench accuracy`")
    if min_accuracy is not None:
        by_labels = [one for one in found if not one.record.data.against_module]
        if not by_labels:
            raise UsageError(
                "the store has no accuracy, but agreements with the fp32 module alone: give `bench accuracy` images "
                "with labels"
            )
        yield from gate_least_accuracy(by_labels, min_accuracy)
    if max_drop is not None:
        if baseline is None or not Path(baseline).is_dir():
            raise UsageError("--max-drop needs the folder of a store as the BASELINE")
        yield from gate_drop(Path(baseline), place, max_drop)


def _has_runs(baseline: str | None) -> bool:
    """Whether there is something besides accuracies to hold a candidate against."""
    from latency_bench.harness.store.reader import run_names

    return baseline is not None and not (Path(baseline).is_dir() and not run_names(Path(baseline)))


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
