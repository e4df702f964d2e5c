"""`bench pair`: how much slower is one than the other, measured side by side?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from latency_bench.harness.cli.condition_options import condition_options
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.label_option import label_option
from latency_bench.harness.cli.model_file_options import model_file_options, refuse_without_file
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.shared_options import (
    Number,
    batch_option,
    device_option,
    precision_or_own_option,
    resolution_option,
    runtime_option,
    wait_option,
)
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from latency_bench.harness.case_options import CaseOptions
    from latency_bench.harness.pairs.pair_request import PairRequest


WARMUP_PROTOCOL = "quick"
"""Fresh processes are many, and each pair of them is compared with itself alone: a short warm-up will do."""


class Share(click.ParamType[float]):
    """A share of the ratio: 1%, or 0.01."""

    name = "PERCENT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            self.fail(f"{value!r} is not a share; write 1%, or 0.01", param, ctx)
        return share


Decorated = TypeVar("Decorated", bound="Callable[..., Any]")


def pair_options(usual_minutes: str) -> Callable[[Decorated], Decorated]:
    """Of a command that measures its ratios as pairs after its runs; None where nothing is said."""
    options = (
        click.option(
            "--no-pairs",
            is_flag=True,
            help="Do not also measure ratios as pairs (`bench pair`); they are then quotients of two runs.",
        ),
        click.option(
            "--within", type=Share(), help="Full width of a ratio's interval at which a pair ends. Default: 5%."
        ),
        click.option(
            "--pair-minutes",
            type=Number(min=0, min_open=True),
            help=f"Time after which a pair ends, however wide its interval is. Default: {usual_minutes}.",
        ),
    )

    def add(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.command(
    cls=Command,
    examples=[
        "bench pair b1-seg b2-seg",
        "bench pair b1-seg@litert b1-seg@onnxruntime --within 3%",
        "bench pair b1-seg@litert b1-seg@litert,threads=2 b1-seg@litert,xnnpack=false",
        "bench pair old.onnx new.onnx --max-minutes 30",
    ],
)
@click.argument("sides", nargs=-1, metavar="A B [C ...]")
@device_option
@module_options("sides", own_inputs=False)
@model_file_options
@specs_option
@runtime_option
@precision_or_own_option
@resolution_option
@batch_option
@condition_options("weights", "seed")
@click.option(
    "--protocol",
    default=WARMUP_PROTOCOL,
    show_default=True,
    metavar="NAME|FILE",
    help="Protocol of each process's warm-up.",
)
@click.option(
    "--within",
    type=Share(),
    default="1%",
    show_default=True,
    help="Full width of the ratio's interval at which measuring ends.",
)
@click.option(
    "--max-minutes",
    type=Number(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Time after which measuring ends, however wide the interval is; exports and the trial are not counted.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the order in which the sides take turns.",
)
@click.option(
    "--lock-clocks",
    is_flag=True,
    help="Lock the clocks of a Jetson or an NVIDIA GPU while measuring. They are restored afterwards.",
)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the ratio over time into this PDF, SVG or PNG.")
@label_option(
    "Label for all sides, or with commas one for each: commit=1a2b3c4,5d6e7f8. `bench history` chains commits by "
    "such pairs. Repeatable."
)
@wait_option
@store_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
def pair(
    sides: tuple[str, ...],
    files: list[tuple[Path, str]],
    of_files: dict[str, Any],
    within: float,
    max_minutes: float,
    seed: int,
    plot: Path | None,
    wait: bool,
    store: str | None,
    quiet: bool,
    as_json: bool,
    **common: Any,
) -> int:
    """Measure how much slower B is than A, with both on the device at once and taking turns.

    A side is a model's id or a file (.onnx, .tflite), then @RUNTIME and options of its own: threads, precision,
    resolution, batch, weights, seed, output, or any of the runtime's; what it leaves out is as the options below say.
    More sides than two are each held against the first. What the machine does meanwhile is the same for all, so that a
    ratio is known within minutes that rounds one after the other would not give in hours.
    """
    request = pair_request(sides, files, of_files, within=within, max_minutes=max_minutes, seed=seed, **common)
    return measure_and_print(request, plot, wait, store, quiet, as_json)


def measure_and_print(
    request: PairRequest, plot: Path | None, wait: bool, store: str | None, quiet: bool, as_json: bool
) -> int:
    """Measure a pair, store it, print it; the command's exit code."""
    from latency_bench.harness.cli.pair_rendering import render_pair
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.pairs.pair_run import measure_pair
    from latency_bench.harness.store.location import store_location

    command = command_without_secrets(["bench", *sys.argv[1:]])
    with ProgressLine(quiet) as progress:
        record, path = measure_pair(request, store_location(store), command, progress, wait)
    if plot is not None and record.status != "failed":
        plot_pair(path, plot)
    if as_json:
        print_json(record.to_result_json(path))
    else:
        render_pair(record, path, stdout_console())
    return 1 if record.status == "failed" else 0


def plot_pair(folder: Path, file: Path) -> None:
    """Draw a stored pair, with the numbers beside it. Raises FigureError, BrokenRunError."""
    from latency_bench.harness.store.reader import StoredPair, read_pair
    from latency_bench.reports.plots.pair_ratio import draw_pair
    from latency_bench.reports.plots.style import save_drawn

    save_drawn(draw_pair(StoredPair(folder, read_pair(folder))), file)


def pair_request(
    sides: Sequence[str],
    files: Sequence[tuple[Path, str]] = (),
    of_files: Mapping[str, Any] | None = None,
    *,
    within: float = 0.01,
    max_minutes: float = 10.0,
    seed: int = 0,
    **common: Any,
) -> PairRequest:
    """The sides in a user's words, then files, and what they have in common, as a request. Raises UsageError."""
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.pairs.pair_request import PairRequest
    from latency_bench.harness.pairs.side_text import file_side, refuse_unused_preparation, side_of
    from latency_bench.harness.shared_sizes import narrowed

    fields = {"device" if name == "device_name" else name: value for name, value in common.items()}
    fields.setdefault("protocol", WARMUP_PROTOCOL)
    fields["runtime_options"] = dict(fields.get("runtime_options", ()))
    labels = fields.pop("labels", ())
    of_files = of_files or {}
    asked = [
        *(side_of(text, fields, of_files) for text in sides),
        *(file_side(*file, {**fields, **of_files}) for file in files),
    ]
    refuse_without_file(of_files, [side for side in asked if side.file is not None])
    refuse_unused_preparation(asked, fields)
    cases = tuple(case_of(one, single=True) for one in narrowed(labelled(asked, labels)))
    return PairRequest(cases, within=within, max_minutes=max_minutes, seed=seed)


def labelled(sides: Sequence[CaseOptions], labels: Sequence[tuple[str, str]]) -> list[CaseOptions]:
    """The sides with their labels: one value for all of them, or with commas one a side. Raises UsageError for another
    number of values."""
    from latency_bench.harness.errors import UsageError

    by_side = [dict(side.labels) for side in sides]
    for name, text in labels:
        values = text.split(",")
        if len(values) not in (1, len(sides)) or not all(values):
            raise UsageError(
                f"--label {name}={text}: give one value for all sides, or {len(sides)} with commas between them"
            )
        for number, of_side in enumerate(by_side):
            of_side[name] = values[number % len(values)]
    return [side.model_copy(update={"labels": own}) for side, own in zip(sides, by_side, strict=True)]
