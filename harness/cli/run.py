"""`bench run`: measure one model on one device."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import MODEL, RUN
from latency_bench.harness.cli.condition_options import RuntimeOption, condition_options
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.label_option import label_option
from latency_bench.harness.cli.model_file_options import model_file_options, refuse_without_file
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.shared_options import (
    batch_option,
    device_option,
    precision_or_own_option,
    resolution_option,
    runtime_or_all_option,
    wait_option,
)
from latency_bench.harness.cli.weights_option import weights_by_model
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from latency_bench.harness.case_options import CaseOptions


class SettingOption(RuntimeOption):
    """A setting of a probe, or the name of a whole setting."""

    name = "NAME=VALUE|paper"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if value == "paper":
            return "paper", True
        if "=" not in str(value):
            self.fail(f"{value!r} is not a setting; write NAME=VALUE, or the word paper", param, ctx)
        return super().convert(value, param, ctx)


@click.command(
    cls=Command,
    examples=[
        "bench run --device local --model b1-seg",
        "bench run --model b1-cls-r224 --runtime onnxruntime --threads 2 --protocol quick",
        "bench run --model b1-seg --model b2-seg",
        "bench run --model b1-seg --runtime all",
        "bench run --onnx mine.onnx --dim height=640 --dim width=640",
        "bench run --module mynet.py:Net --arguments width=32,classes=19 --input 3x512x512",
        "bench run --like latest",
    ],
)
@device_option
@click.option(
    "--model",
    "model_ids",
    type=MODEL,
    multiple=True,
    metavar="ID",
    help="Model; `bench models ls` lists them. Repeatable: rounds of several models are interleaved.",
)
@module_options("model_ids", own_inputs=False)
@model_file_options
@specs_option
@click.option(
    "--like",
    type=RUN,
    metavar="RUN",
    help="Measure a stored run once more, on the same device or on --device: an id, or the folder of a run that "
    "somebody sent. A file, a --module or a checkpoint that it had has to be named again, and is checked by its hash.",
)
@runtime_or_all_option
@precision_or_own_option
@resolution_option
@batch_option
@condition_options()
@click.option(
    "--protocol",
    default="standard",
    show_default=True,
    metavar="NAME|FILE",
    help="quick, standard, paper, sustained, or a file.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="Number of rounds, each in a fresh process. Default: the protocol's (more when several models are "
    "measured together).",
)
@click.option(
    "--order-seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the random order in which the rounds of several models alternate.",
)
@click.option(
    "--streams",
    type=click.IntRange(1, 64),
    help="Also measure throughput: images per second with this many requests in flight.",
)
@click.option(
    "--pair-with",
    "partners",
    metavar="SIDE",
    multiple=True,
    help="Measure the ratio of SIDE to the model, both at once, as `bench pair` does with the model as its first side.",
)
@click.option(
    "--power-mode", metavar="NAME", help="Power mode to measure a Jetson in, e.g. MAXN. It is restored afterwards."
)
@click.option(
    "--lock-clocks",
    is_flag=True,
    help="Lock the clocks of a Jetson or an NVIDIA GPU while measuring. They are restored afterwards.",
)
@click.option(
    "--setting",
    "settings",
    type=SettingOption(),
    multiple=True,
    help="Any other setting that the device's probes offer; it is restored afterwards. `paper`: runtime, precision, "
    "batch and threads as the paper had them on this kind of device.",
)
@label_option(
    "Label of the run for `bench history`, e.g. commit=1a2b3c4; repeatable. The default for commit is that of the "
    "checkout in which bench is called."
)
@wait_option
@store_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
@click.pass_context
def run(
    context: click.Context,
    /,
    model_ids: tuple[str, ...],
    files: list[tuple[Path, str]],
    of_files: dict[str, Any],
    order_seed: int,
    partners: tuple[str, ...],
    like: str | None,
    checkpoints: tuple[tuple[str, Path], ...],
    wait: bool,
    as_json: bool,
    quiet: bool,
    store: str | None,
    **request: Any,
) -> int:
    """Measure a model on a device, store the run, and print the result."""
    if like is not None:
        brought = {**request, "weights": weights_by_model(checkpoints, [like]).get(like)}
        return _run_like(context, like, files, of_files, model_ids, brought, wait, store, quiet, as_json)
    from latency_bench.harness.benchmark import run_benchmarks
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.runtime_choice import EVERY_RUNTIME
    from latency_bench.harness.shared_sizes import narrowed
    from latency_bench.harness.store.location import store_location

    wanted: list[str | tuple[Path, str]] = [*model_ids, *files]
    refuse_without_file(of_files, files)
    if not wanted:
        raise click.UsageError(
            "name a --model (`bench models ls` lists them), or bring your own (--module, --onnx, ...)"
        )
    names = [one if isinstance(one, str) else str(one[0]) for one in wanted]
    weights = weights_by_model(checkpoints, names)
    if partners:
        if len(wanted) > 1:
            raise click.UsageError("--pair-with pairs one --model with others; `bench pair` takes any number of sides")
        from latency_bench.harness.cli.pair import labelled, measure_and_print
        from latency_bench.harness.pairs.pair_request import PairRequest
        from latency_bench.harness.pairs.side_text import side_of

        labels = request.pop("labels")
        first = request_of(wanted[0], of_files, weights=weights.get(names[0]), **request)
        common = {name: getattr(first, name) for name in first.model_fields_set if name not in of_files}
        sides = [first, *(side_of(text, common, of_files) for text in partners)]
        sides = narrowed(labelled(sides, labels))
        pair = PairRequest(tuple(case_of(side, single=True) for side in sides), seed=order_seed)
        return measure_and_print(pair, None, wait, store, quiet, as_json)
    if request["runtime"] == EVERY_RUNTIME:
        from latency_bench.harness.cli.run_ranking import measure_and_rank

        if len(wanted) > 1:
            raise click.UsageError("--runtime all ranks the runtimes of one model; name one --model or file")
        one = request_of(wanted[0], of_files, weights=weights.get(names[0]), **request)
        return measure_and_rank(one, order_seed, wait, store, quiet, as_json)
    requests = narrowed(
        [
            request_of(one, of_files, weights=weights.get(name), **request)
            for one, name in zip(wanted, names, strict=True)
        ]
    )
    cases = [case_of(one, single=len(wanted) == 1) for one in requests]
    place = store_location(store)
    with ProgressLine(quiet) as progress:
        finished = run_benchmarks(
            cases, place, command_without_secrets(["bench", *sys.argv[1:]]), progress, order_seed, wait
        )
    if as_json:
        documents = [record.to_result_json(path) for record, path in finished]
        print_json(documents[0] if len(documents) == 1 else documents)
    else:
        from latency_bench.harness.cli.rendering import render_result

        console = stdout_console()
        for index, (record, path) in enumerate(finished):
            if index:
                console.rule()
            render_result(record, path, console)
    return 1 if any(record.status == "failed" for record, _ in finished) else 0


def _run_like(
    context: click.Context,
    like: str,
    files: list[tuple[Path, str]],
    of_files: dict[str, Any],
    modules: Sequence[str],
    request: Mapping[str, Any],
    wait: bool,
    store: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    from latency_bench.harness.cli.run_again import refuse_what_the_run_decides, run_like

    refuse_what_the_run_decides(context)
    if len(files) > 1 or len(modules) > 1:
        raise click.UsageError("--like measures one run, which had one file or --module")
    given: dict[str, Any] = {
        name: request[name] for name in ("weights", "photograph", "rounds", "power_mode", "lock_clocks")
    }
    given |= {"labels": dict(request["labels"]), "settings": dict(request["settings"])}
    given |= {"file": files[0], **of_files} if files else {}
    if context.get_parameter_source("device_name") is click.core.ParameterSource.COMMANDLINE:
        given["device"] = request["device_name"]
    command = command_without_secrets(["bench", *sys.argv[1:]])
    return run_like(like, given, modules, store, command, wait, quiet, as_json)


def request_of(
    wanted: str | tuple[Path, str], of_files: Mapping[str, Any] | None = None, **options: Any
) -> CaseOptions:
    """The command line's words as a request; `of_files` are for a file. Raises UsageError for a value that no option's
    type could refuse."""
    from latency_bench.harness.case_options import options_of

    named: dict[str, Any] = {"model": wanted} if isinstance(wanted, str) else {"file": wanted, **(of_files or {})}
    options["device"] = options.pop("device_name")
    options["runtime_options"] = dict(options["runtime_options"])
    options["labels"] = dict(options.get("labels", ()))
    settings = dict(options.get("settings", ()))
    options["as_in_paper"] = settings.pop("paper", None) is True
    options["settings"] = settings
    return options_of({**named, **options})
