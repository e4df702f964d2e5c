"""`bench accuracy`: how often the file that is timed is right, on the device that times it."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.accuracy.data_sets import LAYOUTS
from latency_bench.harness.cli.condition_options import condition_options
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.model_file_options import model_file_options, refuse_without_file
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.run import request_of
from latency_bench.harness.cli.shared_options import (
    device_option,
    model_option,
    precision_or_own_option,
    resolution_option,
    runtime_option,
    wait_option,
)
from latency_bench.harness.cli.weights_option import weights_by_model
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

    from latency_bench.harness.accuracy.stated import Statement
    from latency_bench.harness.statistics.image_bootstrap import Sureness
    from latency_bench.harness.store.accuracy_record import AccuracyRecord, Metric
    from latency_bench.harness.store.reader import StoredAccuracy


@click.command(
    cls=Command,
    examples=[
        "bench accuracy --model b1-cls-r224 --weights b1-r224.pt --data imagenet/val",
        "bench accuracy --model b1-seg --weights b1.pt --data cityscapes --limit 100",
        "bench accuracy --model b1-cls-r224 --precision int8-dynamic --data photos --against 3f9a1c",
        "bench accuracy --onnx mine.onnx --data photos --prepared-as b1-cls-r224 --output-is logits=class-scores",
    ],
)
@device_option
@model_option
@module_options("model_id", own_inputs=False, repeatable=False)
@model_file_options
@specs_option
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder with the images: FOLDER/CLASS/*.jpg, Cityscapes, ADE20K, pairs of HR and LR, COCO, or images without "
    "labels.",
)
@click.option("--layout", type=click.Choice(list(LAYOUTS)), help="How --data is laid out. Default: recognised.")
@click.option(
    "--labels",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV with the columns `file` (a path below --data) and `label` (0, 1, ...).",
)
@click.option(
    "--classes",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the folders' names in the order of the model's outputs, one per line.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Score at most this many images, drawn with --limit-seed.")
@click.option(
    "--limit-seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed for drawing the images of --limit.",
)
@runtime_option
@precision_or_own_option
@resolution_option
@condition_options("check_image", "output", "pipeline", "photograph")
@click.option(
    "--against",
    metavar="ACCURACY",
    help="Also report the difference from a stored accuracy on the images that both have: an id, or its beginning.",
)
@wait_option
@store_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
def accuracy(
    model_id: str | None,
    files: list[tuple[Path, str]],
    of_files: dict[str, Any],
    data: Path,
    layout: str | None,
    labels: Path | None,
    classes: Path | None,
    limit: int | None,
    limit_seed: int,
    preparation: Statement | None,
    against: str | None,
    checkpoints: tuple[tuple[str, Path], ...],
    wait: bool,
    store: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Run the file that `bench run` measures over images, on the device, and report how often it is right.

    Super-resolution is scored by PSNR and SSIM on Y; where there are only high-resolution images, the low-resolution
    ones are made from them. Without labels, outputs are compared with those of the fp32 module, and the result is
    called agreement. What a file or network of your own does not say is asked for. Finished images are kept, so that
    the same command goes on where it was stopped.
    """
    from latency_bench.harness.accuracy.data_sets import open_data_set
    from latency_bench.harness.accuracy.evaluation import evaluate, refuse_without_module
    from latency_bench.harness.accuracy.recording import (
        accuracy_writer,
        difference,
        runs_of_the_file,
        store_accuracy,
    )
    from latency_bench.harness.accuracy.scoring import scorer_of
    from latency_bench.harness.accuracy.stated import Statement
    from latency_bench.harness.accuracy.subject_of_case import subject_of
    from latency_bench.harness.cache_folder import cache_folder
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.case_requirements import require_for_cases
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import StoredAccuracy

    wanted: list[str | tuple[Path, str]] = [*([] if model_id is None else [model_id]), *files]
    refuse_without_file(of_files, files)
    if len(wanted) != 1:
        raise click.UsageError(
            "name one --model (`bench models ls` lists them), or bring your own (--module, --onnx, ...)"
        )
    place, command = store_location(store), ["bench", *sys.argv[1:]]
    other = None if against is None else _stored(place, against)
    name = model_id or str(files[0][0])
    weights = weights_by_model(checkpoints, [name]).get(name)
    case = case_of(request_of(wanted[0], of_files, weights=weights, **options), single=True)
    subject = subject_of(case, preparation or Statement())
    spec = subject.spec
    require_for_cases([case])
    require(["PIL", *_NEEDED.get(spec.task, ())])
    images = open_data_set(data, spec, layout, labels, classes).some(limit, limit_seed)
    refuse_without_module(case, images)
    scorer, started_at = scorer_of(spec), datetime.now(timezone.utc)
    told = shlex.join(command_without_secrets(command))
    with ProgressLine(quiet) as progress, accuracy_writer(place, case.device.name) as writer:
        found = evaluate(case, subject, images, cache_folder() / "accuracy", told, progress.stage, wait)
        record, path = store_accuracy(
            writer,
            case,
            subject,
            images,
            found,
            scorer,
            started_at=started_at,
            command=command,
            limit=limit,
            seed=limit_seed,
        )
    compared = None if other is None else difference(other, StoredAccuracy(path, record))
    runs = runs_of_the_file(place, record.artifact.sha256)
    if as_json:
        document = record.to_result_json(path) | {"runs": [row["run_id"] for row in runs]}
        if compared is not None:
            points = compared if isinstance(compared, str) else {name: one._asdict() for name, one in compared.items()}
            document["difference"] = points
        print_json(document)
        return 0
    console = stdout_console()
    render_accuracy(record, path, console)
    if other is not None and compared is not None:
        _render_difference(other, compared, console)
    render_runs_of_the_file(runs)
    return 0


_NEEDED = {"segment-anything": ("pycocotools",), "detection": ("pycocotools", "cv2")}
"""Modules beside Pillow, by task."""


def render_runs_of_the_file(runs: Sequence[Mapping[str, Any]]) -> None:
    """Say which run timed the file that was scored: the latest. `runs`: rows of the run table, latest first."""
    from latency_bench.harness.cli.figures import printable

    for row in runs[:1]:
        pipeline = f", pipeline with {row['pipeline']}" if row["pipeline"] else ""
        words = f"the same file was timed: {row['median_ms']:.4g} ms on {row['device']}{pipeline}, run {row['run_id']}"
        click.echo(printable(words))


def render_accuracy_of_the_file(accuracies: Iterable[StoredAccuracy], sha256: str) -> None:
    """Say how accurate the file of a run was found to be: the latest of each set of images."""
    from latency_bench.harness.cli.figures import printable

    seen: set[str] = set()
    for one in accuracies:
        record = one.record
        if record.artifact.sha256 != sha256 or record.data.digest in seen:
            continue
        seen.add(record.data.digest)
        name, metric = next(iter(record.metrics.items()))
        value = f"{name} {value_with_unit(metric)} [{metric.low:.2f}, {metric.high:.2f}]"
        what = "agreed with the fp32 module" if record.data.against_module else "was scored"
        where = f"{record.images} images of {record.data.folder}"
        click.echo(printable(f"the same file {what}: {value} on {where}, accuracy {record.run_id}"))


def metric_decimals(unit: str) -> int:
    """Two in per cent and dB; four of a share such as SSIM, as papers print it."""
    return 2 if unit else 4


def value_with_unit(metric: Metric) -> str:
    """`78.25 %`, `31.20 dB`, `0.9021`."""
    return f"{metric.value:.{metric_decimals(metric.unit)}f} {metric.unit}".rstrip()


def _prepared(how: Mapping[str, Any]) -> str:
    """`crop 0.95, bicubic (the authors' evaluation)`; of a file of the user's with what was stated of it."""
    words = [str(how.get("resize")), "" if how.get("crop_share") is None else f"{how['crop_share']:g}"]
    stated = [f"{name} {how[name]}" for name in ("mean", "std", "channels", "output") if name in how]
    return f"{', '.join([' '.join(filter(None, words)), str(how.get('interpolation')), *stated])} ({how.get('source')})"


def _stored(store: Path, reference: str) -> Any:
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.reader import StoredAccuracy, open_stored

    stored = open_stored(store, reference)
    if not isinstance(stored, StoredAccuracy):
        raise UsageError(f"--against {reference} is not an accuracy; `bench results ls --accuracy` lists them")
    return stored


def render_accuracy(record: AccuracyRecord, path: Path, console: Console) -> None:
    """Print the metrics, what they rest on, and where they are stored. Text of the record is printed as text."""
    from rich.text import Text

    from latency_bench.harness.cli.figures import counted, printable
    from latency_bench.reports.terminal_grid import Heading, print_grid

    height, width = record.model.resolution
    what = f"{record.model.id} {height}x{width}, {record.runtime.name}, {record.model.precision}"
    console.print(Text.assemble((printable(what), "bold"), f" on {printable(record.device.name)}"))
    data = record.data
    against = (
        "without labels, so this is agreement with the fp32 module and not accuracy"
        if data.against_module
        else "labels"
    )
    console.print(Text(f"{counted(record.images, 'image')} of {printable(data.folder)} ({data.layout}), {against}"))
    rows = []
    for name, one in record.metrics.items():
        value, low, high = (f"{number:.{metric_decimals(one.unit)}f}" for number in (one.value, one.low, one.high))
        rows.append([printable(name), f"{value} {printable(one.unit)}".rstrip(), f"{low} to {high}"])
    headings = [Heading("metric"), Heading("value", right=True), Heading("95 % interval over images", right=True)]
    print_grid(console, headings, rows)
    for reason, count in sorted(record.skipped.items(), key=lambda one: -one[1]):
        example = record.skipped_examples.get(reason)
        which = "" if example is None else f" ({printable(example)}{', ...' if count > 1 else ''})"
        console.print(Text(f"left out: {counted(count, 'image')}: {printable(reason)}{which}", "yellow"))
    if record.turned:
        words = f"{counted(record.turned, 'image')} with an EXIF rotation, which is left out, as in usual evaluations"
        console.print(Text(words, "dim"))
    console.print(Text(f"prepared as: {printable(_prepared(record.preparation))}", "dim"), soft_wrap=True)
    console.print(Text(f"file {record.artifact.sha256[:12]}, stored in {printable(str(path))}", "dim"), soft_wrap=True)


def _render_difference(other: Any, compared: Mapping[str, Sureness] | str, console: Console) -> None:
    from rich.text import Text

    from latency_bench.harness.accuracy.recording import difference_unit
    from latency_bench.harness.cli.figures import printable

    name = f"{other.record.model.id} {other.record.model.precision} ({other.record.run_id})"
    if isinstance(compared, str):
        console.print(Text(f"cannot be compared with {printable(name)}: {compared}", "yellow"))
        return
    for metric, one in compared.items():
        shown = "" if one.low > 0 or one.high < 0 else ", no difference shown"
        unit, decimals = other.record.metrics[metric].unit, metric_decimals(other.record.metrics[metric].unit)
        value, low, high = (f"{number:+.{decimals}f}" for number in one)
        words = f"{metric}: {f'{value} {difference_unit(unit)}'.rstrip()} [{low}, {high}] against {name}{shown}"
        console.print(Text(printable(words)))
