"""The user's runs beside what others published of their models, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.atlas.looking_up import known_runs_of
from latency_bench.reports.atlas.own_runs import Run, kind_of, latest_by_setting
from latency_bench.reports.atlas.plausibility import Plausibility, plausibility
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table
from latency_bench.reports.tables.text import with_interval

_REMARKS = (
    "Set beside the published platform of the same kind of device with which most models are in common, at batch 1 and "
    "the same input size. `bench published MODEL` lists every published measurement with its source.",
)


def build_published(rows: Iterable[Run]) -> Table | None:
    """One group for each setting, of its latest runs of models that something is published of; `rows` are of the run
    table, latest first. None where nothing is."""
    groups = []
    for setting, runs in sorted(latest_by_setting(rows).items()):
        made = [_row(setting, run, runs, count) for run in runs.values() if (count := _count(run)) > 0]
        if made:
            groups.append(tuple(made))
    if not groups:
        return None
    return Table(
        name="published",
        label="",
        title="Beside what others published",
        blocks=(
            Block("", (Column("model", "model", is_text=True),)),
            Block(
                "",
                (
                    Column("setting", "measured on", is_text=True),
                    Column("resolution", "input", is_text=True),
                    Column("latency_ms", "latency, ms"),
                    Column("published", "published on such devices"),
                    Column("excess", "times what is expected"),
                    Column("words", "which says", is_text=True),
                ),
            ),
        ),
        groups=tuple(groups),
        remarks=_REMARKS,
    )


def _count(run: Run) -> int:
    """How many measurements are published of its model on its kind of device."""
    kind = kind_of(run)
    return sum(published.kind == kind for published in known_runs_of(run["model"]))


def _row(setting: Setting, run: Run, of_setting: Mapping[tuple[str, str], Run], count: int) -> Row:
    place = plausibility(run, of_setting)
    text = with_interval(run["median_ms"], run["low_ms"], run["high_ms"])
    return Row((
        (Cell(run["model"]),),
        (
            Cell(setting.label()),
            Cell(f"{run['height']:g}x{run['width']:g}"),
            Cell(text, run["median_ms"], run["low_ms"], run["high_ms"], "done", runs=(run["path"],)),
            Cell(str(count), count),
            _excess(place),
            Cell(place.words),
        ),
    ))  # fmt: skip


def _excess(place: Plausibility) -> Cell:
    if place.excess is None:
        return Cell("–")
    return Cell("as expected" if place.excess == 1.0 else f"{place.excess:.2g}×", place.excess)
