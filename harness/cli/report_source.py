"""What `bench report` reports from: the runs of a store, and the ways of measuring that were asked for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.store.errors import UnknownRunError
from latency_bench.harness.store.row_selection import Selection
from latency_bench.reports.claims.claim_verdicts import MARGIN
from latency_bench.reports.papers.catalog import default_paper

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.identity.setting import Setting
    from latency_bench.harness.store.columns.column import Column
    from latency_bench.harness.store.reader import BrokenRun, StoredPair
    from latency_bench.reports.agreement.statistics import Agreement
    from latency_bench.reports.html.page import Section
    from latency_bench.reports.measured_accuracies import MeasuredAccuracies
    from latency_bench.reports.paired_ratios import PairedRatios
    from latency_bench.reports.papers.paper import Paper, PaperTable
    from latency_bench.reports.papers.paper_file import Figure
    from latency_bench.reports.plots.style import Drawn
    from latency_bench.reports.tables.quantities import Measurements
    from latency_bench.reports.tables.table import Table


@dataclass
class Source:
    """Everything is read when it is first needed, and once."""

    place: Path
    selection: Selection = field(default_factory=Selection)
    store: str | None = None
    """As the user named it on the command line."""
    columns: tuple[Column, ...] = ()
    """Of the run table, that tables show besides."""
    across: tuple[str, ...] = ()
    """Dimensions of conditions in which the two sides of a ratio may differ."""
    margin: float = MARGIN
    """By which factor a measured factor may miss a claimed one and still reproduce it."""
    broken: list[BrokenRun] = field(default_factory=list)
    paper: Paper = field(default_factory=default_paper)
    paper_text: str | None = None
    """As the user named it on the command line."""

    @property
    def named(self) -> str:
        """What a command line needs to mean the same paper: ` --paper NAME`; nothing for the default one."""
        from latency_bench.reports.papers.catalog import default_name

        return "" if self.paper.name == default_name() else f" --paper {self.paper_text or self.paper.name}"

    @cached_property
    def runs(self) -> pd.DataFrame:
        from latency_bench.harness.store.listing import load_runs

        return load_runs(self.place, on_broken=self.broken.append)

    @cached_property
    def pairs(self) -> list[StoredPair]:
        """Latest first."""
        from latency_bench.harness.store.pair_listing import find_pairs

        return list(find_pairs(self.place, on_broken=self.broken.append))

    @cached_property
    def paired(self) -> PairedRatios:
        from latency_bench.reports.paired_ratios import PairedRatios

        return PairedRatios.of(self.pairs)

    @cached_property
    def accuracies(self) -> MeasuredAccuracies:
        from latency_bench.harness.store.accuracy_listing import find_accuracies
        from latency_bench.reports.measured_accuracies import MeasuredAccuracies

        return MeasuredAccuracies.of(find_accuracies(self.place, on_broken=self.broken.append))

    @cached_property
    def measurements(self) -> Measurements:
        """Raises InventoryError for a device that has no runs and is not configured either."""
        from latency_bench.reports.evidence import Evidence, settings
        from latency_bench.reports.same_device import paper_devices
        from latency_bench.reports.tables.quantities import Measurements

        chosen = [setting for setting in settings(self.runs) if self.selection.keeps(vars(setting))]
        asked_for = self._asked_for(chosen)
        return Measurements(
            evidence=Evidence(self.runs),
            settings=tuple(sorted({*chosen, *asked_for})),
            asked_for=asked_for,
            same_as=paper_devices(self.paper, self.runs, self.place),
            store=self.store,
            columns=self.columns,
            across=self.across,
            paired=self.paired,
            accuracies=self.accuracies,
        )

    def _asked_for(self, chosen: Sequence[Setting]) -> tuple[Setting, ...]:
        """Devices that were named but have no run, each as `bench run` would measure on it; this computer where there
        are no runs at all."""
        from latency_bench.devices.inventory import LOCAL, find_device
        from latency_bench.harness.identity.setting import Setting
        from latency_bench.harness.identity.usual_options import threads_of

        there = {setting.device for setting in chosen}
        names = self.selection.device or (() if chosen else (LOCAL,))
        found = []
        for device in (find_device(name) for name in names if name not in there):
            runtime = (*self.selection.runtime, device.runtime)[0]
            threads = threads_of(runtime, {"threads": (*self.selection.threads, device.threads)[0]})
            precision = (*self.selection.precision, "fp32")[0]
            found.append(Setting(device.name, device.runner, runtime, precision, threads, "{}"))
        return tuple(found)

    def tables(self, tables: Sequence[PaperTable], claims: bool) -> list[Table]:
        from latency_bench.reports.claims.build import build_claims
        from latency_bench.reports.tables.build import build_table

        made = [build_table(table, self.measurements) for table in tables]
        return [*made, build_claims(self.paper, self.runs, self.measurements, self.margin)] if claims else made

    def write_figures(
        self, figures: Sequence[Figure], folder: Path, formats: Sequence[str], required: bool
    ) -> list[Path]:
        """Every kind of the paper's figures that the runs allow, and its rows as CSV beside it.

        Where nothing can be drawn for a figure, raises FigureError if it is `required`, else says so.
        """
        from latency_bench.reports.plots.style import FigureError

        written: dict[Path, None] = {}
        for figure in figures:
            problems: list[Exception] = []
            for plot in figure.plots:
                try:
                    drawn = self._drawn(plot.name)
                except (FigureError, UnknownRunError) as error:
                    problems.append(error)
                    continue
                for device, one in drawn.items():
                    name = f"figure{figure.id}-{plot.name}" + (f"-{device}" if device else "")
                    written |= dict.fromkeys(_saved(one, folder, name, formats))
            if required and len(problems) == len(figure.plots):
                raise problems[0]
            for text in dict.fromkeys(str(problem) for problem in problems):
                say(f"figure {figure.id}: {text}")
        return list(written)

    def _drawn(self, kind: str) -> dict[str, Drawn]:
        """The figure, under the empty name; where all devices do not go into one, a figure for each that has one."""
        from latency_bench.reports.plots.kinds import Options, draw
        from latency_bench.reports.plots.style import FigureError

        runs, options = self._selected(), Options(paper=self.paper, everything=self.runs)
        try:
            return {"": draw(kind, runs, self.place, options)}
        except FigureError:
            found = {}
            for device in sorted(runs["device"].unique()):
                with suppress(FigureError):
                    found[device] = draw(kind, runs[runs["device"] == device], self.place, options)
            if not found:
                raise
            return found

    def agreements(self, places: Sequence[str]) -> list[Agreement]:
        """Of the selected runs and of what is published in these places. Raises PaperError."""
        if not places:
            return []
        from latency_bench.reports.agreement.own_series import own_series
        from latency_bench.reports.agreement.series import series_named
        from latency_bench.reports.agreement.table import agreements
        from latency_bench.reports.rows import rows_of

        runs = self.runs if self.runs.empty else self._selected()
        published = [series for place in dict.fromkeys(places) for series in series_named(place)]
        return agreements(own_series(rows_of(runs), self.paired), published)

    def write_agreement(self, found: Sequence[Agreement], folder: Path, formats: Sequence[str]) -> list[Path]:
        """The scatter plots, and their points as CSV."""
        from latency_bench.reports.plots.agreement import draw_agreements

        return list(dict.fromkeys(_saved(draw_agreements(found), folder, "agreement-models", formats)))

    def write_page(self, path: Path, every_run: bool = False) -> list[Path]:
        """The HTML page with all tables and claims; with `every_run` also pages with the details of the runs that it
        has no room for."""
        from latency_bench.reports.html.page import Section, address_of, write_html
        from latency_bench.reports.html.site import write_site
        from latency_bench.reports.tables.html import html

        made = self.tables(self.paper.tables, claims=bool(self.paper.file.claims))
        of_tables = len(self.paper.tables)
        sections = [Section(table.heading, html(table, address_of)) for table in made]
        _make(path.parent)
        runs = self._selected() if self.selection != Selection() else self.runs
        devices = None if runs is self.runs else set(runs["device"])
        pairs = [pair for pair in self.pairs if devices is None or pair.record.device.name in devices]
        # Without further pages the first one has the details that it has room for.
        parts: dict[str, Any] = {
            "tables": sections[:of_tables],
            "claims": sections[of_tables:],
            "published": self._published(runs),
            "paper": self.paper,
            "accuracies": self.accuracies,
            "pairs": pairs,
            "broken": self.broken,
        }
        if every_run:
            return write_site(runs, self.place, path, **parts)
        write_html(runs, self.place, path, **parts)
        return [path]

    def _published(self, runs: pd.DataFrame) -> list[Section]:
        """The runs beside what others published; nothing where that is nothing."""
        from latency_bench.reports.atlas.table import build_published
        from latency_bench.reports.html.page import Section, address_of
        from latency_bench.reports.rows import rows_of
        from latency_bench.reports.tables.html import html

        table = build_published(rows_of(runs))
        return [] if table is None else [Section(table.heading, html(table, address_of))]

    def _selected(self) -> pd.DataFrame:
        """The runs that were selected. Raises UnknownRunError where there is none."""
        return self.selection.of(self.runs)


def _saved(drawn: Drawn, folder: Path, name: str, formats: Sequence[str]) -> list[Path]:
    from latency_bench.reports.plots.style import save_drawn

    _make(folder)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        written = [path for ending in formats for path in save_drawn(drawn, folder / f"{name}.{ending}")]
    for message in dict.fromkeys(str(one.message) for one in seen):
        say(message)
    return written


def _make(folder: Path) -> None:
    from latency_bench.harness.store.errors import StoreError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error.strerror or error}; choose another place with --to") from error


def say(message: str) -> None:
    click.echo(f"bench: {message}", err=True)
