"""`bench attention`: softmax against ReLU linear attention, on any device and runtime."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.condition_options import RuntimeOption
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.module_options import ARGUMENTS_OPTION, NAME_OPTION, SIZES_OPTION, specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.pair import pair_options
from latency_bench.harness.cli.run import request_of
from latency_bench.harness.cli.shared_options import CpuList, Resolution, RuntimeName, precision_option, wait_option
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from latency_bench.harness.attention.attention_plan import Group, Planned
    from latency_bench.harness.attention.matching import How
    from latency_bench.harness.case import Case
    from latency_bench.model_specs.architectures.attention.subject import Scope

ROUNDS = 5
"""Enough for a 95 % interval of a ratio, which four would just give."""
TOKENS = ((16, 16), (32, 32), (64, 64))


class Tokens(click.ParamType[tuple[int, int]]):
    """A number of tokens, or HEIGHTxWIDTH of the feature map that has them."""

    name = "N|HxW"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        from latency_bench.model_specs.architectures.attention.subject import map_of

        if isinstance(value, tuple):
            return int(value[0]), int(value[1])
        found = re.fullmatch(r"([1-9]\d{0,5})(?:x([1-9]\d{0,5}))?", str(value), re.ASCII)
        if not found:
            self.fail(
                f"{value!r} is no size; write a number of tokens or HEIGHTxWIDTH, e.g. 4096 or 64x128", param, ctx
            )
        return (int(found[1]), int(found[2])) if found[2] else map_of(int(found[1]))


@click.command(
    cls=Command,
    examples=[
        "bench attention  # on this computer, a few minutes",
        "bench attention --runtime torch --form relu-linear --form sdpa --tokens 1024 --tokens 64x128",
        "bench attention --whole b1-seg --resolution 256x512 --resolution 512x1024",
        "bench attention --module nets.py:Linear --twin nets.py:Softmax --input 64x32x32",
        "bench attention --from-store --to figures/  # tables and figures of what was measured",
    ],
)
@click.option(
    "--device",
    "device_name",
    type=DEVICE,
    help="`bench devices ls` lists them. Default: local; with --from-store, all that were measured.",
)
@click.option(
    "--runtime",
    cls=RuntimeName,
    metavar="NAME",
    help="Default: the device's own; with --from-store, all of them.",
)
@click.option(
    "--form",
    "forms",
    multiple=True,
    metavar="NAME",
    help="relu-linear, relu-quadratic, softmax, sdpa (fused), sdpa-flash, sdpa-efficient, sdpa-math, each also with "
    "-ms (multi-scale tokens); repeatable. Default: those that differ on the runtime.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["core", "module", "block"]),
    default=("module",),
    show_default=True,
    help="Q, K and V given; with projections; the whole block around them; repeatable.",
)
@click.option(
    "--heads", multiple=True, type=click.IntRange(1, 10000), default=(8,), show_default=True, help="Repeatable."
)
@click.option(
    "--head-dim",
    "head_dims",
    multiple=True,
    type=click.IntRange(1, 1024),
    default=(16,),
    show_default=True,
    help="16 and 32 are usual; repeatable.",
)
@click.option("--tokens", "sizes", multiple=True, type=Tokens(), help="Repeatable.  [default: 256, 1024, 4096]")
@click.option(
    "--equal-macs",
    "how",
    type=click.Choice(["widened", "repeated"]),
    default="widened",
    show_default=True,
    help="How the linear form gets the MACs of the quadratic one: more heads, or stacked.",
)
@click.option(
    "--whole",
    "whole_models",
    multiple=True,
    metavar="ID",
    help="A whole model beside its twin ID-softmax, e.g. b1-seg, instead of attention alone; repeatable.",
)
@click.option(
    "--module",
    metavar="FILE.py:NAME",
    help="A block or network of your own beside its --twin, instead of attention alone.",
)
@click.option(
    "--twin",
    metavar="FILE.py:NAME",
    help="The same as --module with softmax attention in the place of linear attention.",
)
@ARGUMENTS_OPTION
@SIZES_OPTION
@NAME_OPTION
@specs_option
@click.option(
    "--resolution",
    "resolutions",
    multiple=True,
    type=Resolution(),
    help="Input height x width of whole models, e.g. 512x1024; repeatable.",
)
@click.option("--protocol", default="quick", show_default=True, metavar="NAME|FILE", help="As for `bench run`.")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=ROUNDS,
    show_default=True,
    help="Number of rounds, each in a fresh process.",
)
@click.option("--order-seed", type=int, default=0, show_default=True, help="Seed of the random order of rounds.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads of a CPU runtime. Default: the device's own number."
)
@click.option("--cpus", type=CpuList(), help="CPU cores to pin to, e.g. 2,3.")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Feature maps per request.")
@click.option(
    "--runtime-option",
    "runtime_options",
    type=RuntimeOption(),
    multiple=True,
    help="Option of the runtime; repeatable.",
)
@precision_option
@click.option(
    "--profile", "profiled", is_flag=True, help="Also show the share of time by operator, at the largest size."
)
@pair_options("5")
@click.option("--from-store", is_flag=True, help="Measure nothing: analyse the runs of attention in the store.")
@click.option("--again", is_flag=True, help="Also measure what the store already has.")
@click.option("--dry-run", is_flag=True, help="Only show what would be measured.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write attention.csv, attention.md and the figures as PDF, SVG and PNG into this folder.",
)
@wait_option
@store_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
def attention(
    module: str | None,
    twin: str | None,
    arguments: str,
    inputs: tuple[str, ...],
    name: str | None,
    from_store: bool,
    dry_run: bool,
    again: bool,
    profiled: bool,
    no_pairs: bool,
    within: float | None,
    pair_minutes: float | None,
    order_seed: int,
    wait: bool,
    folder: Path | None,
    store: str | None,
    quiet: bool,
    as_json: bool,
    **request: Any,
) -> int:
    """Softmax against ReLU linear attention: at equal shape and at equal MACs, alone or inside whole models.

    Runs are stored as those of `bench run`; then every two that the tables compare are measured as a pair too, and the
    tables show its ratio. What the store has from the same conditions is not measured again.
    """
    from latency_bench.harness.attention.attention_pairs import MAX_MINUTES, WITHIN
    from latency_bench.harness.attention.measure import measure_groups
    from latency_bench.harness.cli.attention_output import Analysis, print_analysis, write_analysis
    from latency_bench.harness.cli.attention_pairs import measure_compared
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.store.listing import load_runs
    from latency_bench.harness.store.location import store_location

    if module is not None or twin is not None:
        request["whole_models"] += (_own_twins(module, twin, arguments, inputs, name),)
    elif arguments or inputs or name:
        raise click.UsageError("--arguments, --input and --name are for a --module with its --twin")
    if not from_store:
        request["device_name"] = request["device_name"] or "local"
        if not dry_run:
            _require_packages(request["device_name"], request["runtime"])
    place = store_location(store)
    runs = load_runs(place)
    failed: list[str] = []
    shares = None
    if from_store:
        for column, wanted in (("device", request["device_name"]), ("runtime", request["runtime"])):
            # What did not fit may know no runtime: it belongs to all of its device.
            runs = runs if wanted is None else runs[(runs[column] == wanted) | runs[column].isna()]
    else:
        groups, make_case = _plan(**request)
        if dry_run:
            _print_plan(groups, make_case, runs, as_json)
            return 0
        with ProgressLine(quiet) as progress:
            known = runs.head(0) if again else runs
            command = command_without_secrets(["bench", *sys.argv[1:]])
            failed = measure_groups(groups, make_case, known, place, command, progress, order_seed, wait)
            if not no_pairs:
                measured = _answers(groups, make_case, load_runs(place))
                failed += measure_compared(
                    groups, make_case, measured, place, command, progress, again,
                    within=within or WITHIN, max_minutes=pair_minutes or MAX_MINUTES, order_seed=order_seed, wait=wait,
                )  # fmt: skip
            if profiled:
                from latency_bench.harness.attention.profiles import operator_shares

                shares, lost = operator_shares(groups, make_case, progress)
                failed += lost
        runs = _answers(groups, make_case, load_runs(place))
    analysis = Analysis(runs, place, shares)
    if as_json:
        print_json(analysis.to_json())
    else:
        print_analysis(analysis, stdout_console())
    for path in write_analysis(analysis, folder) if folder is not None else ():
        click.echo(f"bench: wrote {path}", err=True)
    for line in failed:
        click.echo(f"bench: {printable(line)}", err=True)
    return 1 if failed else 0


def _own_twins(module: str | None, twin: str | None, arguments: str, inputs: tuple[str, ...], name: str | None) -> str:
    """The id of a network of the user's, whose twin is known by that id as the catalog's twins are."""
    from latency_bench.harness.python_module import add_python_module, parse_arguments, parse_module_input
    from latency_bench.model_specs.architectures.attention.subject import SOFTMAX_TWIN

    if module is None or twin is None:
        raise click.UsageError("--module and --twin belong together: linear attention, and softmax in its place")
    sizes, built_with = [parse_module_input(text) for text in inputs], parse_arguments(arguments)
    linear = add_python_module(module, Path.cwd(), built_with, sizes, name)
    add_python_module(twin, Path.cwd(), built_with, sizes, linear.id + SOFTMAX_TWIN)
    return linear.id


def _require_packages(device_name: str, runtime: str | None) -> None:
    """All that measuring and comparing needs, named at once. Raises MissingPackagesError, InventoryError."""
    from latency_bench.devices.inventory import find_device
    from latency_bench.harness.case_requirements import modules_for_exporting, modules_for_running
    from latency_bench.harness.installation.requirements import require

    device = find_device(device_name)
    runtime = runtime or device.runtime
    require([*modules_for_exporting(device, runtime), *modules_for_running(device, runtime), "pandas", "matplotlib"])


def _plan(
    forms: tuple[str, ...],
    scopes: tuple[Scope, ...],
    heads: tuple[int, ...],
    head_dims: tuple[int, ...],
    sizes: tuple[tuple[int, int], ...],
    how: How,
    whole_models: tuple[str, ...],
    resolutions: tuple[tuple[int, int], ...],
    **request: Any,
) -> tuple[list[Group], Callable[[Planned], Case]]:
    """What to measure, and how each becomes a case."""
    from latency_bench.devices.inventory import find_device
    from latency_bench.devices.opening import declared_runtime
    from latency_bench.harness.attention.attention_options import check_kernel, default_forms, parse_form
    from latency_bench.harness.attention.attention_plan import Shape, plan_models, plan_subjects
    from latency_bench.harness.case_options import case_of

    device = find_device(request["device_name"])
    declared = declared_runtime(device, request["runtime"] or device.runtime)
    if whole_models:
        groups = plan_models(whole_models, resolutions)
    else:
        choices = [parse_form(name) for name in dict.fromkeys(forms or default_forms(declared))]
        for choice in choices:
            check_kernel(choice, declared)
        shapes = [
            Shape(count, dim, size)
            for count in dict.fromkeys(heads)
            for dim in dict.fromkeys(head_dims)
            for size in sorted(set(sizes or TOKENS), key=lambda size: size[0] * size[1])
        ]
        groups = plan_subjects(shapes, choices, dict.fromkeys(scopes), how)

    def make_case(planned: Planned) -> Case:
        options = {**dict(request["runtime_options"]), **planned.runtime_options}
        wanted = {**request, "runtime_options": options, "resolution": planned.spec.resolution}
        return case_of(request_of(planned.spec.id, **wanted), single=False, device=device)

    return groups, make_case


def _print_plan(groups: list[Group], make_case: Callable[[Planned], Case], runs: pd.DataFrame, as_json: bool) -> None:
    from latency_bench.harness.attention.stored import runs_of

    rows: list[dict[str, Any]] = [
        {
            "group": group.name,
            "model": member.spec.id,
            "resolution": list(member.spec.resolution),
            "kernel": member.kernel,
            "reason": member.reason,
            "stored": not runs_of(runs, make_case(member)).empty,
        }
        for group in groups
        for member in group.members
    ]
    for note in (note for group in groups for note in group.notes):
        click.echo(f"bench: {note}", err=True)
    if as_json:
        print_json(rows)
        return
    from latency_bench.reports.terminal_grid import Heading, print_grid

    lines = []
    for row in rows:
        kernel = f" ({row['kernel']})" if row["kernel"] else ""
        size = "x".join(map(str, row["resolution"]))
        lines.append(
            [f"{row['model']}{kernel}", size, row["reason"], "in the store" if row["stored"] else "to measure"]
        )
    headings = [Heading("model"), Heading("map"), Heading("why", wraps=True), Heading("", wraps=True)]
    print_grid(stdout_console(), headings, lines)


def _answers(groups: list[Group], make_case: Callable[[Planned], Case], runs: pd.DataFrame) -> pd.DataFrame:
    """The latest run of everything that was planned."""
    import pandas as pd

    from latency_bench.harness.attention.stored import runs_of

    found = [runs_of(runs, make_case(member)).head(1) for group in groups for member in group.members]
    answers: pd.DataFrame = pd.concat(found) if found else runs.head(0)
    latest_first: pd.DataFrame = answers.sort_values("run_id", ascending=False)
    return latest_first
