"""`bench results archive`: runs as an archive, or as Parquet for analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, store_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from latency_bench.harness.store.index import Row
    from latency_bench.harness.store.record import Status

_FILE = click.Path(dir_okay=False)


@click.command(
    "archive",
    cls=Command,
    examples=[
        "bench results archive --to runs.tar.zst",
        "bench results archive orin --parquet runs.parquet --samples samples.parquet",
    ],
)
@click.argument("selections", metavar="[SELECTION]...", nargs=-1)
@click.option("--status", type=click.Choice(["done", "unstable", "failed"]), help="Only runs that ended like this.")
@click.option("--pairs", is_flag=True, help="Paired measurements in place of runs: all, on a DEVICE, or by their ids.")
@click.option("--to", "archive_to", type=_FILE, help="Archive of the runs' folders: .tar, .tar.gz or .tar.zst.")
@click.option("--parquet", type=_FILE, help="Parquet file with one row per run; docs/store.md describes the columns.")
@click.option("--samples", type=_FILE, help="Parquet file with one row per sample.")
@store_option
@json_option
def archive(
    selections: tuple[str, ...],
    status: Status | None,
    pairs: bool,
    archive_to: str | None,
    parquet: str | None,
    samples: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Write runs into one file. A SELECTION is a run, DEVICE/MODEL, DEVICE or MODEL; without one: every run.

    An archive of everything has the pairs too (`bench pair`); --pairs writes those of the selection alone.
    """
    from pathlib import Path

    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.archive import compression_of, write_archive
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.parquet_export import write_runs, write_samples

    if not (archive_to or parquet or samples):
        raise UsageError("say what to write: --to FILE.tar, --parquet FILE or --samples FILE")
    if archive_to:
        compression_of(Path(archive_to))
    if pairs and (parquet or samples or status):
        raise UsageError("--pairs is for archives (--to); --parquet, --samples and --status are for runs")
    location = store_location(store)
    names = [] if pairs else _selected(location, selections, status)
    written: dict[str, dict[str, int]] = {}
    if archive_to:
        whole = pairs or (not selections and status is None)
        of_pairs = _selected_pairs(location, selections) if whole else []
        write_archive([location / name for name in [*names, *of_pairs]], Path(archive_to))
        written[archive_to] = {"runs": len(names), **({"pairs": len(of_pairs)} if of_pairs else {})}
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
    from latency_bench.harness.store.listing import rows_of
    from latency_bench.harness.store.mirrors import store_label
    from latency_bench.harness.store.reader import pair_names, run_names
    from latency_bench.harness.store.run_selection import select_paths

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
    if not names and (selections or status is not None or not pair_names(store)):
        raise UsageError(f"no run in {store_label(store)} matches; `bench results ls` lists all of them")
    return names


def _selected_pairs(store: Path, selections: tuple[str, ...]) -> list[str]:
    """Places (device/_pairs/run id) in the store. Raises UsageError where a selection means none."""
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.reader import pair_names

    names = pair_names(store)
    if not selections:
        return names
    chosen: dict[str, None] = {}
    for text in selections:
        run_ids = ((name.split("/")[0], name.rpartition("/")[2], name) for name in names)
        matching = [name for device, run_id, name in run_ids if device == text or run_id.endswith(text)]
        if not matching:
            raise UsageError(f"the store has no pair {text!r}; `bench results ls --pairs` lists all of them")
        chosen.update(dict.fromkeys(matching))
    return list(chosen)


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
