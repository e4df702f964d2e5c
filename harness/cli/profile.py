"""`bench profile`: where a model's time goes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from harness.cli.choices import resolution_option
from harness.cli.output import json_option, print_json, stdout_console

SHOWN = 25
"""Rows of the table and bars of the chart; the rest is one line."""


@click.command()
@click.option("--device", "device_name", default="local", show_default=True, help="`bench devices ls` lists them.")
@click.option("--model", "model_id", required=True, metavar="ID", help="`bench models ls` lists them.")
@click.option("--runtime", default="torch", show_default=True, help="torch, torch-cuda, tensorrt or tensorrt-rtx.")
@click.option("--precision", type=click.Choice(["fp32", "fp16", "bf16"]), default="fp32", show_default=True)
@resolution_option
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Images a request.")
@click.option(
    "--requests", type=click.IntRange(1, 10000), default=20, show_default=True, help="Profiled, and averaged."
)
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Also as a .svg, .pdf or .png.")
@json_option
def profile(
    device_name: str,
    model_id: str,
    runtime: str,
    precision: str,
    resolution: tuple[int, int] | None,
    batch: int,
    requests: int,
    chart: Path | None,
    as_json: bool,
) -> None:
    """Times of a model's layers or operators, in a run of its own that is not stored.

    Profiling slows what it watches: shares are worth more than times, and `bench run` has the latency.
    """
    from devices.inventory import find_device
    from harness.case import Case
    from harness.cli.progress import ProgressLine
    from harness.profiling import profile_case
    from harness.protocol import load_protocol
    from model_specs import load_spec

    device, spec = find_device(device_name), load_spec(model_id)
    case = Case(
        spec=spec.at(resolution) if resolution else spec,
        device=device,
        protocol=load_protocol("quick"),
        runtime=runtime,
        rounds=1,
        threads=device.threads,
        cpus=device.cpus,
        batch=batch,
        precision=precision,
    )
    with ProgressLine(quiet=False) as progress:
        layers = profile_case(case, requests, progress)
    if chart is not None:
        from reports.plots.layers import draw_layers

        draw_layers(layers[:SHOWN], f"{model_id} on {device_name}, {runtime}, {precision}", chart)
    if as_json:
        print_json([dataclasses.asdict(layer) for layer in layers])
        return
    from rich.table import Table
    from rich.text import Text

    from harness.cli.figures import milliseconds, printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer or operator")
    for title in ("calls", "a request", "share"):
        table.add_column(title, justify="right")
    for layer in layers[:SHOWN]:
        name = Text(printable(layer.name))
        table.add_row(name, f"{layer.calls:g}", milliseconds(layer.time_ms), f"{layer.share:.1%}")
    rest = layers[SHOWN:]
    if rest:
        time_ms, share = sum(layer.time_ms for layer in rest), sum(layer.share for layer in rest)
        table.add_row(Text(f"{len(rest)} more", "dim"), "", milliseconds(time_ms), f"{share:.1%}")
    stdout_console().print(table)
