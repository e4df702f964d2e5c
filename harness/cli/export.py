"""`bench export`: make a model's file by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.condition_options import condition_options
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json
from latency_bench.harness.cli.shared_options import (
    FormatName,
    RuntimeName,
    batch_option,
    model_option,
    precision_option,
    resolution_option,
)
from latency_bench.harness.cli.weights_option import weights_by_model

if TYPE_CHECKING:
    from latency_bench.harness.case_options import CaseOptions
    from latency_bench.harness.export import ExportOptions
    from latency_bench.model_specs.spec import ModelSpec


@click.command(
    cls=Command,
    examples=[
        "bench export --model b1-seg --format onnx --to b1.onnx",
        "bench export --model b1-cls-r224 --runtime tensorrt --precision int8 --format onnx --to b1-int8.onnx",
        "bench export --module mynet.py:Net --arguments width=32,classes=19 --input 3x512x512 --format tflite",
    ],
)
@model_option
@module_options("model_id", repeatable=False)
@specs_option
@click.option(
    "--runtime",
    cls=RuntimeName,
    metavar="NAME",
    help="Runtime that an int8 file is for, where several of a format want it made in another way. Default: the usual.",
)
@precision_option
@resolution_option
@batch_option
@condition_options("threads", "cpus", "check_image", "runtime_options", "pipeline", "photograph", "preparation")
@click.option("--format", "format_", type=FormatName(), required=True, help="onnx, tflite, pt2, ...")
@click.option(
    "--to", type=click.Path(path_type=Path), help="Copy the file to this place. Default: leave it in the cache."
)
@click.option("--opset", type=int, help="ONNX opset. Default: the model's own.")
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
def export(
    model_id: str | None,
    format_: str,
    to: Path | None,
    checkpoints: tuple[tuple[str, Path], ...],
    opset: int | None,
    quiet: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Make a model's ONNX, TFLite or torch.export file, or find it in the cache, and print where it is.

    An int8 file of ONNX is the one for ONNX Runtime, unless --runtime says openvino or tensorrt.
    """
    if model_id is None:
        raise click.UsageError("name a --model (`bench models ls` lists them), or a --module of your own")
    from latency_bench.harness.case_options import options_of, spec_of
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.export import export_artifact
    from latency_bench.harness.export.formats import find_format
    from latency_bench.harness.installation.requirements import require

    weights = weights_by_model(checkpoints, [model_id]).get(model_id)
    request = options_of({"model": model_id, "weights": weights, **fields})
    spec = spec_of(request)
    options = _options(request, spec, format_, opset)
    quantiser = find_format(format_).quantiser(options)
    require([*find_format(format_).modules, *spec.requires, *(() if quantiser is None else quantiser.modules)])
    with ProgressLine(quiet) as progress:
        artifact = export_artifact(spec, format_, options, progress=progress.stage)
    path = artifact.path
    if to is not None:
        path = to / artifact.path.name if to.is_dir() else to
        copy_whole({artifact.path: path, **{extra: path.parent / extra.name for extra in artifact.external_data}})
    if as_json:
        print_json({**artifact.to_json(), "path": str(path)})
    else:
        click.echo(path)


def copy_whole(places: Mapping[Path, Path]) -> None:
    """Copy files to places; each is there whole or not at all. Raises StoreError where one cannot be written."""
    import shutil

    from latency_bench.harness.store.durable import replacing
    from latency_bench.harness.store.errors import StoreError

    for source, place in places.items():
        try:
            with source.open("rb") as content, replacing(place) as file:
                shutil.copyfileobj(content, file, 1 << 20)
        except OSError as error:
            words = f"cannot write {place}: {error.strerror or error}; choose another place with --to"
            raise StoreError(words) from error


def _options(request: CaseOptions, spec: ModelSpec, format_: str, opset: int | None) -> ExportOptions:
    """Raises UsageError for a calibration that does not fit, and for a runtime that loads no such file."""
    from latency_bench.harness.case_options import frozen_calibration
    from latency_bench.harness.export import ExportOptions

    calibration = None if request.calibration is None else frozen_calibration(request, spec).path
    return ExportOptions(
        batch=request.batch or 1,
        precision=request.precision or "fp32",
        output=request.output or "logits",
        opset=opset,
        weights=request.weights,
        seed=request.seed or 0,
        calibration=calibration,
        quantiser=_quantiser(request, format_),
    )


def _quantiser(request: CaseOptions, format_: str) -> str | None:
    """Of the runtime that the file is for; None: the format's own. Raises UsageError."""
    from latency_bench.devices.precisions import find_precision
    from latency_bench.devices.runners.worker import WorkerRunner
    from latency_bench.harness.errors import UsageError

    if request.runtime is None:
        return None
    known = {one.name: one for one in WorkerRunner.known_runtimes() if one.loads(format_)}
    if request.runtime not in known:
        raise UsageError(f"--runtime {request.runtime} loads no {format_} file; there are {', '.join(known)}")
    if not find_precision(request.precision or "fp32").quantised:
        raise UsageError("--runtime: only a file with --precision int8 differs between runtimes; leave it out")
    return known[request.runtime].QUANTISER or None
