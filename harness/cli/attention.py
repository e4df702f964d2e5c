"""`bench attention`: softmax against ReLU linear attention, on any device and runtime."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.condition_options import condition_options
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.module_options import ARGUMENTS_OPTION, NAME_OPTION, SIZES_OPTION, specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.pair import pair_options
from latency_bench.harness.cli.shared_options import Resolution, RuntimeName, precision_option, wait_option
from latency_bench.harness.store.redaction import command_without_secrets

ROUNDS = 5
"""Enough for a 95 % interval of a ratio, which four would just give."""


class Tokens(click.ParamType[tuple[int, int]]):
    """A number of tokens, or HEIGHTxWIDTH of the feature map that has them."""

    name = "N|HxW"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        from latency_bench.model_specs.architectures.attention.subject import map_of

        if isinstance(value, tuple):
            return int(value[0]), int(value[1])
        found = re.fullmatch(r"([1-9]\d{0,5})(?:x([1-9]\d{0,5}))?", str(value), re.ASCII)
        if not found:
            self.fail(
                f"{value!r} is not a size; write a number of tokens or HEIGHTxWIDTH, e.g. 4096 or 64x128", param, ctx
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
    help="Device; `bench devices ls` lists them. Default: local; with --from-store, every one that was measured.",
)
@click.option(
    "--module",
    metavar="FILE.py:NAME",
    help="Compare a block or network of your own with its --twin, instead of attention alone.",
)
@click.option(
    "--twin",
    metavar="FILE.py:NAME",
    help="The same network as --module, with softmax attention in place of linear attention.",
)
@ARGUMENTS_OPTION
@SIZES_OPTION
@NAME_OPTION
@specs_option
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
    help="What is timed: attention on given Q, K and V (core), with its projections (module), or the whole block "
    "around it; repeatable.",
)
@click.option(
    "--heads",
    multiple=True,
    type=click.IntRange(1, 10000),
    default=(8,),
    show_default=True,
    help="Number of heads; repeatable.",
)
@click.option(
    "--head-dim",
    "head_dims",
    multiple=True,
    type=click.IntRange(1, 1024),
    default=(16,),
    show_default=True,
    help="Channels of each head, usually 16 or 32; repeatable.",
)
@click.option(
    "--tokens",
    "sizes",
    multiple=True,
    type=Tokens(),
    help="Number of tokens, or size of the feature map that has them; repeatable.  [default: 256, 1024, 4096]",
)
@click.option(
    "--equal-macs",
    "how",
    type=click.Choice(["widened", "repeated"]),
    default="widened",
    show_default=True,
    help="How the linear form reaches the MACs of the quadratic one: with more heads, or stacked.",
)
@click.option(
    "--whole",
    "whole_models",
    multiple=True,
    metavar="ID",
    help="Compare a whole model with its twin ID-softmax, e.g. b1-seg, instead of attention alone; repeatable.",
)
@click.option(
    "--runtime",
    cls=RuntimeName,
    metavar="NAME",
    help="Default: the device's own; with --from-store, all of them.",
)
@precision_option
@click.option(
    "--resolution",
    "resolutions",
    multiple=True,
    type=Resolution(),
    help="Input height x width of whole models, e.g. 512x1024; repeatable.",
)
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Feature maps per request.")
@condition_options(
    "weights", "check_image", "calibration", "output", "input_type", "pipeline", "photograph", "preparation"
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
    "--profile", "profiled", is_flag=True, help="Also show the share of time by operator, at the largest size."
)
@pair_options("5")
@click.option("--from-store", is_flag=True, help="Measure nothing; analyse the attention runs in the store.")
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
    from latency_bench.harness.cli import attention_request
    from latency_bench.harness.cli.attention_output import Analysis, print_analysis, write_analysis
    from latency_bench.harness.cli.attention_pairs import measure_compared
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.store.listing import load_runs
    from latency_bench.harness.store.location import store_location

    if module is not None or twin is not None:
        request["whole_models"] += (attention_request.own_twins(module, twin, arguments, inputs, name),)
    elif arguments or inputs or name:
        raise click.UsageError("--arguments, --input and --name are for a --module with its --twin")
    if not from_store:
        request["device_name"] = request["device_name"] or "local"
        if not dry_run:
            attention_request.require_packages(request["device_name"], request["runtime"])
    place = store_location(store)
    runs = load_runs(place)
    failed: list[str] = []
    shares = None
    if from_store:
        for column, wanted in (("device", request["device_name"]), ("runtime", request["runtime"])):
            # What did not fit may know no runtime: it belongs to all of its device.
            runs = runs if wanted is None else runs[(runs[column] == wanted) | runs[column].isna()]
    else:
        groups, make_case = attention_request.plan(**request)
        if dry_run:
            attention_request.print_plan(groups, make_case, runs, as_json)
            return 0
        with ProgressLine(quiet) as progress:
            known = runs.head(0) if again else runs
            command = command_without_secrets(["bench", *sys.argv[1:]])
            failed = measure_groups(groups, make_case, known, place, command, progress, order_seed, wait)
            if not no_pairs:
                measured = attention_request.answers(groups, make_case, load_runs(place))
                failed += measure_compared(
                    groups, make_case, measured, place, command, progress, again,
                    within=within or WITHIN, max_minutes=pair_minutes or MAX_MINUTES, order_seed=order_seed, wait=wait,
                )  # fmt: skip
            if profiled:
                from latency_bench.harness.attention.profiles import operator_shares

                shares, lost = operator_shares(groups, make_case, progress)
                failed += lost
        runs = attention_request.answers(groups, make_case, load_runs(place))
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
