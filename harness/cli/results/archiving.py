"""`bench results export`: runs as an archive, or as Parquet for analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from latency_bench.harness.cli.output import json_option, print_json, store_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from latency_bench.harness.store.index import Row
    from latency_bench.harness.store.record import Status

_FILE = click.Path(dir_okay=False)


@click.command("export")
@click.argument("selections", metavar="[SELECTION]...", nargs=-1)
@click.option("--status", type=click.Choice(["done", "unstable", "failed"]), help="Only runs that ended like this.")
@click.option("--to", "archive", type=_FILE, help="Archive of the runs' folders: .tar, .tar.gz or .tar.zst.")
@click.option("--parquet", type=_FILE, help="One row a run, columns as in docs/store.md.")
@click.option("--samples", type=_FILE, help="Parquet too: one row a sample.")
@store_option
@json_option
def export(
    selections: tuple[str, ...],
    status: Status | None,
    archive: str | None,
    parquet: str | None,
    samples: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Write runs into one file. A SELECTION is a run, DEVICE/MODEL, DEVICE or MODEL; without one: every run.

    \b
    bench results export --to runs.tar.zst
    bench results export orin --parquet runs.parquet --samples samples.parquet
    """
    from pathlib import Path

    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.archive import compression_of, write_archive
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.parquet_export import write_runs, write_samples

    if not (archive or parquet or samples):
        raise UsageError("say what to write: --to FILE.tar, --parquet FILE or --samples FILE")
    if archive:
        compression_of(Path(archive))
    location = store_location(store)
    names = _selected(location, selections, status)
    written: dict[str, dict[str, int]] = {}
    if archive:
        written[archive] = {"runs": write_archive([location / name for name in names], Path(archive))}
    if parquet:
        written[parquet] = {"runs": write_runs(_whole_rows(location, names), Path(parquet))}
    if samples:
        written[samples] = {"samples": write_samples(location, _whole_rows(location, names), Path(samples))}
    if as_json:
        print_json({"written": written})
        return
    for file, counts in written.items():
        click.echo(f"{file}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))


def _selected(store: Path, selections: tuple[str, ...], status: Status | None) -> list[str]:
    """Places (device/model/run id) in the store. Raises UsageError where there are none."""
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.run_selection import select_paths
    from latency_bench.harness.store.listing import rows_of
    from latency_bench.harness.store.mirrors import store_label
    from latency_bench.harness.store.reader import run_names

    if selections:
        paths = dict.fromkeys(path for text in selections for path in select_paths(store, text))
        outside = [path for path in paths if store not in path.parents]
        if outside:
            raise UsageError(f"{outside[0]} is not in the store {store_label(store)}; name its store with --store")
        names = [path.relative_to(store).as_posix() for path in paths]
    else:
        names = run_names(store)
    if status is not None:
        names = [row["path"] for row in rows_of(store, names, status)]
    if not names:
        raise UsageError(f"no runs like these in {store_label(store)}; `bench results ls` lists all")
    return names


def _whole_rows(store: Path, names: list[str]) -> Iterator[Row]:
    """Rows of the runs; a run that cannot be read ends the export instead of being left out in silence."""
    from latency_bench.harness.store.errors import BrokenRunError
    from latency_bench.harness.store.listing import rows_of
    from latency_bench.harness.store.reader import BrokenRun

    def refuse(broken: BrokenRun) -> None:
        raise BrokenRunError(
            f"{broken.problem} `bench results verify --set-aside` takes damaged runs out of the store."
        )

    return rows_of(store, names, on_broken=refuse)
