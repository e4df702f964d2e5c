"""`bench profile`: where a model's time goes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import MODEL
from latency_bench.harness.cli.condition_options import condition_options
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.model_file_options import model_file_options, refuse_without_file
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console
from latency_bench.harness.cli.shared_options import (
    batch_option,
    device_option,
    precision_or_own_option,
    resolution_option,
    runtime_option,
    wait_option,
)
from latency_bench.harness.cli.weights_option import weights_by_model

if TYPE_CHECKING:
    from latency_bench.harness.statistics.layer_shares import LayerShare

SHOWN = 25
"""Rows of the table and bars of the chart; the rest is one line."""


@click.command(
    cls=Command,
    examples=["bench profile --model b1-seg", "bench profile --onnx mine.onnx --dim height=640 --dim width=640"],
)
@device_option
@click.option(
    "--model", "model_ids", type=MODEL, multiple=True, metavar="ID", help="Model; `bench models ls` lists them."
)
@module_options("model_ids", own_inputs=False)
@model_file_options
@specs_option
@runtime_option
@precision_or_own_option
@resolution_option
@batch_option
@condition_options("check_image", "pipeline", "photograph", "preparation")
@click.option(
    "--requests",
    type=click.IntRange(1, 10000),
    default=20,
    show_default=True,
    help="Number of requests that are profiled and averaged.",
)
@click.option("--by-operator", "grouped", is_flag=True, help="Sum up layers of the same operator in one row.")
@click.option(
    "--chart",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw the times into this .svg, .pdf or .png file.",
)
@wait_option
@json_option
def profile(
    device_name: str,
    model_ids: tuple[str, ...],
    files: list[tuple[Path, str]],
    of_files: dict[str, Any],
    checkpoints: tuple[tuple[str, Path], ...],
    runtime_options: tuple[tuple[str, Any], ...],
    requests: int,
    grouped: bool,
    chart: Path | None,
    wait: bool,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Times of a model's layers or operators, in a run of its own that is not stored.

    Profiling slows what it watches: shares are worth more than times, and `bench run` has the latency.
    """
    from latency_bench.harness.case_options import CaseOptions, case_of
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.profiling import profile_case
    from latency_bench.harness.statistics.layer_shares import by_operator

    if chart is not None:
        require(["pandas", "matplotlib"])
    wanted: list[Any] = [*model_ids, *files]
    refuse_without_file(of_files, files)
    if len(wanted) != 1:
        raise click.UsageError(
            "name one --model (`bench models ls` lists them), or bring your own (--module, --onnx, ...)"
        )
    weights = weights_by_model(checkpoints, model_ids)
    options = CaseOptions(
        model=next(iter(model_ids), None),
        file=next(iter(files), None),
        **of_files,
        device=device_name,
        protocol="quick",
        rounds=1,
        weights=next(iter(weights.values()), None),
        runtime_options=dict(runtime_options),
        **conditions,
    )
    case = case_of(options, single=True)
    with ProgressLine(quiet=False) as progress:
        layers = profile_case(case, requests, progress, wait)
    if grouped:
        layers = by_operator(layers)
    if chart is not None:
        from latency_bench.reports.plots.layers import draw_layers

        draw_layers(
            [_labelled(layer) for layer in layers[:SHOWN]],
            f"{case.spec.id} on {device_name}, {case.runtime}, {case.precision}",
            chart,
        )
    if as_json:
        print_json([dataclasses.asdict(layer) for layer in layers])
        return
    from rich.text import Text

    from latency_bench.harness.cli.figures import milliseconds, printable
    from latency_bench.reports.terminal_grid import Cell, Heading, print_grid

    # PyTorch's profiler and --by-operator know operators alone.
    kinds = any(layer.operator != layer.name for layer in layers)
    headings = [Heading(title, wraps=True) for title in (("layer", "operator") if kinds else ("operator",))]
    headings += [Heading(title, right=True) for title in ("calls", "a request", "share")]
    rows: list[list[Cell]] = []
    for layer in layers[:SHOWN]:
        names = [printable(text) for text in ((layer.name, layer.operator) if kinds else (layer.operator,))]
        rows.append([*names, f"{layer.calls:g}", milliseconds(layer.time_ms), f"{layer.share:.1%}"])
    rest = layers[SHOWN:]
    if rest:
        time_ms, share = sum(layer.time_ms for layer in rest), sum(layer.share for layer in rest)
        more: list[Cell] = [Text(f"{len(rest)} more", "dim"), *([""] if kinds else [])]
        rows.append([*more, "", milliseconds(time_ms), f"{share:.1%}"])
    print_grid(stdout_console(), headings, rows)


def _labelled(layer: LayerShare) -> LayerShare:
    """With a name that says what the layer does: some runtimes only number their layers."""
    if layer.operator == layer.name:
        return layer
    return dataclasses.replace(layer, name=f"{layer.operator}: {layer.name}")
