"""`bench baseline`: files kept for `bench gate --against NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.examples import Group
from latency_bench.harness.cli.model_file_options import file_value_options, refuse_without_file
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json, store_option
from latency_bench.harness.cli.shared_options import (
    batch_option,
    precision_or_own_option,
    resolution_option,
    runtime_option,
)

_FOLDER_HELP = "Folder of baselines, for example one that a CI job caches. Default: the store's own."
folder_option = click.option(
    "--to", "--in", "folder", type=click.Path(file_okay=False, path_type=Path), help=_FOLDER_HELP
)


@click.group(cls=Group, examples=["bench baseline keep main model.onnx", "bench baseline ls"])
def baseline() -> None:
    """Keep model files as baselines, so that `bench gate --against NAME` can measure them again."""


def baselines_folder(folder: Path | None, store: str | None) -> Path:
    """The folder that is named, else the store's own."""
    from latency_bench.harness.gating.baselines import FOLDER
    from latency_bench.harness.store.location import store_location

    return folder if folder is not None else store_location(store) / FOLDER


@baseline.command(
    examples=[
        "bench baseline keep main model.onnx",
        "bench baseline keep v1 b1-cls-r224@litert,threads=2 --to baselines",
        "bench baseline keep open net.onnx --dim height=640 --dim width=640",
        "bench baseline keep mine mynet.py:Net --input 3x224x224",
    ]
)
@click.argument("name")
@click.argument("what", metavar="FILE|ID|RUN")
@module_options("what", own_name=False)
@file_value_options("shapes", "dimensions")
@specs_option
@folder_option
@click.option("--device", type=DEVICE, default="local", show_default=True, help="Device whose runtime the file is for.")
@runtime_option
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads of a CPU runtime. Default: the device's own number."
)
@resolution_option
@precision_or_own_option
@batch_option
@store_option
@json_option
def keep(
    name: str,
    what: str,
    of_files: dict[str, Any],
    folder: Path | None,
    store: str | None,
    as_json: bool,
    **common: Any,
) -> None:
    """Keep a file, the export of a model, or the file of a stored run's model under NAME.

    FILE and ID are as in `bench pair`. A baseline of that name is replaced.
    """
    from latency_bench.devices.opening import open_device
    from latency_bench.harness.case_artifact import artifact_of
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.gating.baselines import keep_baseline
    from latency_bench.harness.gating.gate_sides import side_named
    from latency_bench.harness.store.location import store_location

    place = baselines_folder(folder, store)
    side = side_named(what, common, place, store_location(store), of_files)
    refuse_without_file(of_files, [side for side in (side.options,) if side.file is not None])
    case = case_of(side.options, single=True)
    with open_device(case.device) as session:
        artifact = artifact_of(case, session, lambda text: click.echo(f"bench: {text}", err=True))
    if side.sha256 is not None and side.sha256 != (artifact.content_sha256 or artifact.sha256):
        raise UsageError(f"{what}: the file that is exported now is not the one that the run measured")
    model = case.spec.id if case.file is None else Path(case.file.title).stem
    of_case = {"shapes": side.options.shapes, "dimensions": side.options.dimensions, "batch": side.options.batch}
    kept = keep_baseline(
        place, name, side.name, artifact, model=model, runtime=case.runtime,
        precision=case.precision, threads=case.threads, runtime_options=case.runtime_options,
        open_sizes={} if case.file is None else of_case,
    )  # fmt: skip
    if as_json:
        print_json(kept.model_dump(mode="json"))
    else:
        click.echo(f"kept {kept.file} ({kept.size_bytes / 1e6:.1f} MB, {kept.content[:12]}) as {name} in {place}")


@baseline.command(examples=["bench baseline ls --in baselines"])
@folder_option
@store_option
@json_option
def ls(folder: Path | None, store: str | None, as_json: bool) -> None:
    """List the kept baselines."""
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.gating.baselines import list_baselines

    kept = list_baselines(baselines_folder(folder, store))
    if as_json:
        print_json([one.model_dump(mode="json") for one in kept])
        return
    for one in kept:
        setting = f"{one.runtime} {one.precision}, threads {one.threads}"
        click.echo(printable(f"{one.name}  {one.kept_at:%Y-%m-%d}  {one.file}  {one.content[:12]}  {setting}"))


@baseline.command(examples=["bench baseline rm v1 --in baselines"])
@click.argument("name")
@folder_option
@store_option
def rm(name: str, folder: Path | None, store: str | None) -> None:
    """Remove a baseline, and its file unless another one has the same."""
    from latency_bench.harness.gating.baselines import remove_baseline

    remove_baseline(baselines_folder(folder, store), name)
    click.echo(f"removed {name}")
