"""Every kind of figure that can be drawn from stored runs: what `bench plot` and `bench report --figure` offer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.plots.style import Drawn, FigureError, save_drawn

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.accuracy_file import Accuracy
    from latency_bench.reports.papers.paper import Paper


@dataclass(frozen=True)
class Options:
    """How a figure is to look, and what it may show beside the selected runs."""

    width: Literal["single", "double"] = "double"
    """Of a page with two columns: 3.4 or 7 inches."""
    published: bool = False
    """Panels with what the paper prints of its own devices, marked as published."""
    x: str | None = None
    """Column of the run table across, for the kinds that have a choice."""
    y: str | None = None
    """The same upwards."""
    accuracies: tuple[Accuracy, ...] = ()
    """Of the user's own, in place of the published ones."""
    datasets: tuple[str, ...] = ()
    """Those that published panels are wanted of; empty: all."""
    paper: Paper | None = None
    """Whose accuracies and published speeds are shown; None: the default one."""
    tables: tuple[str, ...] = ()
    """Of the paper, those that are shown; all where none is named."""
    everything: pd.DataFrame | None = None
    """All runs of the store, where the figure is of a selection of them: calibrations are looked for here."""


@dataclass(frozen=True)
class Kind:
    """One kind of figure."""

    function: str
    """module:function, which draws rows of the run table."""
    help: str
    takes: tuple[Literal["store", "options"], ...] = ("options",)
    """What the function takes after the runs."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[Literal["x", "y"], ...] = ()
    """Those that may show a column of one's choice."""
    shows_failures: bool = False
    """Whether there is something to draw of runs that failed."""
    has_accuracies: bool = False
    """Whether it shows accuracies, and takes a user's own."""


KINDS: dict[str, Kind] = {
    "latency": Kind(
        "trade_off:draw_trade_off",
        "Latency against published accuracy, or --accuracy, with the frontier (Figure 1).",
        takes=("store", "options"),
        arguments={"speed": "latency"},
        has_accuracies=True,
        axes=("x",),
    ),
    "throughput": Kind(
        "trade_off:draw_trade_off",
        "Throughput against published accuracy, or --accuracy, with the frontier (Figure 1).",
        takes=("store", "options"),
        arguments={"speed": "throughput"},
        has_accuracies=True,
        axes=("x",),
    ),
    "scatter": Kind(
        "scatter:draw_scatter",
        "Any number of a run against any other: --x peak_rss --y energy.",
        axes=("x", "y"),
    ),
    "phases": Kind(
        "phases:draw_phases",
        "Copy in, compute and copy out, stacked, for each model.",
    ),
    "distribution": Kind(
        "distribution:draw_distribution",
        "Distribution of latencies (ECDF), one line per run.",
        takes=("store", "options"),
    ),
    "timeline": Kind(
        "timeline:draw_timeline",
        "Latency of every request over time, with clocks, temperature and power.",
        takes=("store", "options"),
    ),
    "history": Kind(
        "history:draw_runs",
        "A case over time, with the changes of its level.",
        takes=("store", "options"),
    ),
    "batch": Kind("series:draw_batches", "Throughput against batch size."),
    "resolution": Kind(
        "series:draw_resolutions",
        "Latency against input size.",
        shows_failures=True,
    ),
    "roofline": Kind(
        "roofline:draw_roofline",
        "Reached MACs per second below what the device allows.",
    ),
    "attention": Kind(
        "attention_factors:draw_attention_factors",
        "Softmax against ReLU linear attention (Figure 4).",
        takes=("store", "options"),
    ),
    "attention-scaling": Kind(
        "attention_curves:attention_scaling",
        "Attention's latency against tokens, log-log.",
    ),
    "attention-memory": Kind(
        "attention_curves:attention_memory",
        "Attention's peak memory against tokens.",
    ),
}
"""By the name that `bench plot` takes."""


def kinds_of(paper: Paper) -> dict[str, Kind]:
    """All kinds, with the plots of the paper's figures under their own names: what `bench plot --paper` takes."""
    plots = [plot for figure in paper.file.figures for plot in figure.plots if plot.name not in KINDS]
    named = {plot.name: replace(KINDS[plot.draws], help=plot.help or KINDS[plot.draws].help) for plot in plots}
    generic = list(KINDS.items())
    return dict([*generic[:2], *named.items(), *generic[2:]])


def plot_of(paper: Paper, name: str) -> tuple[str, tuple[str, ...]]:
    """The kind that draws a plot, and the tables of the paper that it shows. Raises FigureError for another name."""
    for figure in paper.file.figures:
        for plot in figure.plots:
            if plot.name == name:
                return plot.draws, plot.tables
    if name not in KINDS:
        raise FigureError(f"there is no figure called {name!r}; the figures are {', '.join(kinds_of(paper))}")
    return name, ()


def draw(kind: str, runs: pd.DataFrame, store: Path, options: Options | None = None) -> Drawn:
    """The figure of a kind or of a plot of the paper, from rows of the run table (latest first, as `load_runs` gives
    them).

    Raises FigureError for an unknown kind, or where the runs do not have what it needs.
    """
    options = options or Options()
    kind, tables = plot_of(options.paper or default_paper(), kind)
    options = replace(options, tables=options.tables or tables)
    entry = KINDS[kind]
    for axis, chosen in (("x", options.x), ("y", options.y)):
        if chosen is not None and axis not in entry.axes:
            raise FigureError(f"the figure {kind} does not take --{axis}; `bench plot scatter` draws any two numbers")
    if options.accuracies and not entry.has_accuracies:
        shown = ", ".join(name for name, one in KINDS.items() if one.has_accuracies)
        raise FigureError(f"the figure {kind} does not show accuracies; --accuracy is for {shown}")
    failed_alone = not runs.empty and bool(runs["median_ms"].isna().all())
    if failed_alone and not entry.shows_failures and not options.published:
        raise FigureError(_all_failed(runs))
    module, name = entry.function.split(":")
    function: Callable[..., Drawn] = getattr(importlib.import_module(f"latency_bench.reports.plots.{module}"), name)
    given = {"store": store, "options": options}
    return function(runs, **{name: given[name] for name in entry.takes}, **entry.arguments)


def _all_failed(runs: pd.DataFrame) -> str:
    latest = runs.iloc[0]
    what = "the selected run failed" if len(runs) == 1 else f"all {len(runs)} selected runs failed, the latest"
    why = " ".join(str(latest["failure"] or latest["failure_kind"] or "for no recorded reason").split())
    return f"{what} ({why:.160}), so there is nothing to draw; `bench results show {latest['run_id']}` has more"


def write(kind: str, runs: pd.DataFrame, store: Path, path: Path, options: Options | None = None) -> tuple[Path, Path]:
    """Draw a figure into `path` (PDF, SVG or PNG) and its rows into the .csv beside it; returns both.

    Raises FigureError.
    """
    return save_drawn(draw(kind, runs, store, options), path)
