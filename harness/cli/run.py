"""`bench run`: measure one model on one device."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.choices import resolution_option
from harness.cli.output import json_option, print_json, stdout_console, store_option

if TYPE_CHECKING:
    from harness.case import Case
    from harness.export.options import Output


class CpuList(click.ParamType[tuple[int, ...]]):
    name = "LIST"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        try:
            return tuple(sorted({int(word) for word in str(value).split(",")}))
        except ValueError:
            self.fail(f"{value!r} is no list of cores; write numbers with commas, for example 2,3", param, ctx)


class RuntimeOption(click.ParamType[tuple[str, Any]]):
    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        import json

        name, equals, text = str(value).partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is no option; write NAME=VALUE, for example xnnpack=false", param, ctx)
        try:
            return name, json.loads(text)
        except ValueError:
            return name, text


@click.command()
@click.option(
    "--device", "device_name", default="local", show_default=True, help="Device; `bench devices ls` lists them."
)
@click.option(
    "--model",
    "model_ids",
    multiple=True,
    metavar="ID",
    help="Model; `bench models ls` lists them. Repeatable: rounds of several models are interleaved.",
)
@click.option("--onnx", type=click.Path(dir_okay=False, path_type=Path), help="An ONNX file of your own, as it is.")
@click.option("--tflite", type=click.Path(dir_okay=False, path_type=Path), help="A TFLite file of your own, as it is.")
@click.option("--runtime", help="litert, onnxruntime, torch, ... Default: the device's own.")
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
    help="Fresh processes. Default: as the protocol says, more for several models than for one.",
)
@click.option("--order-seed", type=int, default=0, show_default=True, help="Of the random order of several models.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of a CPU runtime. Default: as the device says.")
@click.option("--cpus", type=CpuList(), help="Cores to pin to, e.g. 2,3. Default: the last ones, one a thread.")
@resolution_option
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Images a request.")
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Checkpoint. Default: seeded weights.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the weights, where no checkpoint is given.")
@click.option(
    "--runtime-option",
    "runtime_options",
    type=RuntimeOption(),
    multiple=True,
    help="For the runtime, e.g. xnnpack=false.",
)
@click.option(
    "--precision", type=click.Choice(["fp32", "fp16", "bf16"]), default="fp32", show_default=True, help="Of the model."
)
@click.option(
    "--output",
    type=click.Choice(["logits", "argmax", "full"]),
    default="logits",
    show_default=True,
    help="Of a dense prediction: at the head's resolution, the classes there, or at the input's resolution.",
)
@click.option(
    "--streams",
    type=click.IntRange(1, 64),
    help="Measure throughput as well: images per wall second with so many requests in flight.",
)
@click.option("--power-mode", metavar="NAME", help="Of a Jetson, e.g. MAXN; put back afterwards.")
@click.option("--lock-clocks", is_flag=True, help="Of a Jetson or an NVIDIA GPU; put back afterwards.")
@store_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@json_option
def run(
    model_ids: tuple[str, ...],
    onnx: Path | None,
    tflite: Path | None,
    order_seed: int,
    as_json: bool,
    quiet: bool,
    store: str | None,
    **request: Any,
) -> int:
    """Measure a model on a device, store the run, and print the result.

    \b
    bench run --device local --model b1-seg
    bench run --model b1-cls-r224 --runtime onnxruntime --threads 2 --protocol quick
    bench run --model b1-seg --model b2-seg
    """
    from harness.benchmark import run_benchmarks
    from harness.cli.progress import ProgressLine
    from harness.store.location import store_location

    files = [(path, format_) for path, format_ in ((onnx, "onnx"), (tflite, "tflite")) if path is not None]
    wanted: list[str | tuple[Path, str]] = [*model_ids, *files]
    if not wanted:
        raise click.UsageError("name a --model (`bench models ls` lists them), or bring a file with --onnx or --tflite")
    cases = [_case(one, single=len(wanted) == 1, **request) for one in wanted]
    place = store_location(store)
    with ProgressLine(quiet) as progress:
        finished = run_benchmarks(cases, place, ["bench", *sys.argv[1:]], progress, order_seed)
    if as_json:
        documents = [record.to_result_json(path) for record, path in finished]
        print_json(documents[0] if len(documents) == 1 else documents)
    else:
        from harness.cli.rendering import render_result

        console = stdout_console()
        for index, (record, path) in enumerate(finished):
            if index:
                console.rule()
            render_result(record, path, console)
    return 1 if any(record.status == "failed" for record, _ in finished) else 0


def _case(
    wanted: str | tuple[Path, str],
    single: bool,
    device_name: str,
    runtime: str | None,
    protocol: str,
    rounds: int | None,
    threads: int | None,
    cpus: tuple[int, ...] | None,
    resolution: tuple[int, int] | None,
    batch: int,
    weights: Path | None,
    seed: int,
    runtime_options: tuple[tuple[str, Any], ...],
    power_mode: str | None,
    lock_clocks: bool,
    precision: str,
    output: Output,
    streams: int | None,
) -> Case:
    from devices.inventory import find_device
    from harness.case import Case
    from harness.errors import RequestError
    from harness.model_file import RUNTIMES, open_model_file
    from harness.protocol import load_protocol
    from model_specs import load_spec

    device = find_device(device_name)
    if power_mode is not None:
        device = device.model_copy(update={"power_mode": power_mode})
    if lock_clocks:
        device = device.model_copy(update={"lock_clocks": True})
    profile = load_protocol(protocol)
    if isinstance(wanted, str):
        spec, artifact = load_spec(wanted), None
    else:
        brought = open_model_file(*wanted)
        spec, artifact, batch = brought.spec, brought.artifact, brought.batch
        runtime = runtime or RUNTIMES[artifact.format]
        if resolution or weights:
            raise RequestError("a file is measured as it is: --resolution and --weights are for --model")
    if output != "logits" and spec.task != "segmentation":
        raise RequestError(f"--output {output}: {spec.id} is no dense prediction, it has only its own output")
    return Case(
        spec=spec.at(resolution) if resolution else spec,
        artifact=artifact,
        device=device,
        protocol=profile,
        runtime=runtime or device.runtime,
        rounds=rounds or (profile.rounds if single else profile.campaign_rounds),
        threads=threads or (len(cpus) if cpus else device.threads),
        cpus=cpus or device.cpus,
        runtime_options=dict(runtime_options),
        batch=batch,
        weights=weights,
        seed=seed,
        precision=precision,
        output=output,
        streams=streams,
    )
