"""`bench export`: make a model's file by hand."""

from __future__ import annotations

from pathlib import Path

import click

from latency_bench.harness.cli.completion import MODEL
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json
from latency_bench.harness.cli.shared_options import FormatName, precision_option, resolution_option


@click.command(
    cls=Command,
    examples=[
        "bench export --model b1-seg --format onnx --to b1.onnx",
        "bench export --module mynet.py:Net --arguments width=32,classes=19 --input 3x512x512 --format tflite",
    ],
)
@click.option("--model", "model_id", type=MODEL, metavar="ID", help="Model to export; `bench models ls` lists them.")
@module_options("model_id")
@specs_option
@click.option("--format", "format_", type=FormatName(), required=True, help="onnx, tflite, pt2, ...")
@click.option(
    "--to", type=click.Path(path_type=Path), help="Copy the file to this place. Default: leave it in the cache."
)
@resolution_option
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True)
@precision_option
@click.option("--opset", type=int, help="ONNX opset. Default: the model's own.")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Checkpoint to load.")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the random weights that are used without a checkpoint.",
)
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
def export(
    model_id: str | None,
    format_: str,
    to: Path | None,
    resolution: tuple[int, int] | None,
    batch: int,
    precision: str | None,
    opset: int | None,
    weights: Path | None,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Make a model's ONNX, TFLite or torch.export file, or find it in the cache, and print where it is."""
    if model_id is None:
        raise click.UsageError("name a --model (`bench models ls` lists them), or a --module of your own")
    import shutil

    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.export import ExportOptions, export_artifact
    from latency_bench.harness.export.formats import find_format
    from latency_bench.harness.installation.requirements import require
    from latency_bench.model_specs import load_spec

    spec = load_spec(model_id)
    require([*find_format(format_).modules, *spec.requires])
    if resolution:
        spec = spec.at(resolution)
    options = ExportOptions(batch=batch, precision=precision or "fp32", opset=opset, weights=weights, seed=seed)
    with ProgressLine(quiet) as progress:
        artifact = export_artifact(spec, format_, options, progress=progress.stage)
    path = artifact.path
    if to is not None:
        path = Path(shutil.copyfile(artifact.path, to / artifact.path.name if to.is_dir() else to))
        for extra in artifact.external_data:
            shutil.copyfile(extra, path.parent / extra.name)
    if as_json:
        print_json({**artifact.to_json(), "path": str(path)})
    else:
        click.echo(path)
