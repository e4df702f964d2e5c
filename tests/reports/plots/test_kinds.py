"""The registry: every kind draws a store with every case, from the same rows the same file, and says why where not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest

from latency_bench.harness.store.errors import UnknownRunError
from latency_bench.harness.store.listing import load_runs
from latency_bench.harness.store.row_selection import Selection
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.plots.kinds import KINDS, Options, draw, kinds_of, write
from latency_bench.reports.plots.style import COLUMN_WIDTH_IN, FigureError

AddRun = Callable[..., str]

DRAWN_FROM_EVERY_CASE = {
    "latency": Selection(),
    "throughput": Selection(),
    "sam": Selection(),
    "scatter": Selection(),
    "phases": Selection(),
    "distribution": Selection(model=["b1-seg"], device=["desk"]),
    "timeline": Selection(run_id=["20261122T100400Z-000004"]),
    "batch": Selection(),
    "resolution": Selection(),
    "roofline": Selection(),
}


@pytest.mark.usefixtures("every_case")
@pytest.mark.parametrize("kind", DRAWN_FROM_EVERY_CASE)
def test_every_kind_draws_a_store_with_every_case(kind: str, store: Path, tmp_path: Path) -> None:
    runs = load_runs(store)
    options = Options(everything=runs)
    selected = DRAWN_FROM_EVERY_CASE[kind].of(runs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, table = write(kind, selected, store, tmp_path / "first.svg", options)
        second, _ = write(kind, selected, store, tmp_path / "second.svg", options)
    assert first.read_bytes() == second.read_bytes()
    assert len(pd.read_csv(table))


@pytest.mark.usefixtures("every_case")
def test_a_figure_for_one_column_is_as_wide_as_one(store: Path) -> None:
    drawn = draw("sam", load_runs(store), store, Options(width="single", published=True))
    assert drawn.figure.get_size_inches()[0] == pytest.approx(3.4)
    assert set(drawn.data["source"]) == {"measured", "published"}


@pytest.mark.usefixtures("every_case")
@pytest.mark.parametrize("width", COLUMN_WIDTH_IN)
def test_every_kind_is_as_wide_as_asked_for(store: Path, width: Literal["single", "double"]) -> None:
    runs = load_runs(store)
    for kind, selection in DRAWN_FROM_EVERY_CASE.items():
        drawn = draw(kind, selection.of(runs), store, Options(width=width, everything=runs))
        assert drawn.figure.get_figwidth() == COLUMN_WIDTH_IN[width], kind


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.shows_failures])
def test_of_failed_runs_alone_it_says_that_they_failed(kind: str, store: Path, add_run: AddRun) -> None:
    add_run("b1-seg", status="failed")
    failed = add_run("b2-seg", status="failed")
    with pytest.raises(FigureError, match=f"all 2 selected runs failed.*bench results show {failed}"):
        draw(kind, load_runs(store), store)
    with pytest.raises(FigureError, match="the selected run failed"):
        draw(kind, Selection(run_id=[failed]).of(load_runs(store)), store)


@pytest.mark.parametrize("kind", [*KINDS, "sam"])
def test_nothing_to_draw_is_an_error_that_says_so(kind: str, store: Path, tmp_path: Path) -> None:
    with pytest.raises(FigureError):
        write(kind, load_runs(store), store, tmp_path / "none.svg")
    assert not list(tmp_path.glob("none*"))


def test_kinds_of_the_papers_figures_are_there() -> None:
    paper = default_paper()
    plots = {plot.name for figure in paper.file.figures for plot in figure.plots}
    assert plots <= set(kinds_of(paper))
    assert {figure.id for figure in paper.file.figures} == {"1", "4", "7"}


def test_an_unknown_kind_is_told_what_there_is(store: Path) -> None:
    with pytest.raises(FigureError, match="there is no figure called 'pie'; the figures are latency"):
        draw("pie", load_runs(store), store)


@pytest.mark.usefixtures("every_case")
def test_a_selection_that_leaves_nothing_says_what_there_is(store: Path) -> None:
    runs = load_runs(store)
    assert set(Selection(device=["desk"], model=["b1-seg"]).of(runs)["model"]) == {"b1-seg"}
    assert len(Selection(resolution=[(256, 512)]).of(runs)) == 1
    with pytest.raises(
        UnknownRunError, match="no run has the device nowhere; those that match otherwise have desk, orin"
    ):
        Selection(device=["nowhere"]).of(runs)
    with pytest.raises(UnknownRunError, match="no run has the threads 7; those that match otherwise have 2"):
        Selection(device=["desk"], threads=[7]).of(runs)
    with pytest.raises(UnknownRunError, match="does not hold any run"):
        Selection().of(load_runs(store / "nothing"))
