"""Measured accuracies in tables and figures: beside the run of the very file, and claimed only where shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.container import ErrorbarContainer

from latency_bench.harness.store.accuracy_listing import find_accuracies
from latency_bench.harness.store.listing import load_runs
from latency_bench.reports.chosen_table.build import Request, build_chosen_table
from latency_bench.reports.evidence import Evidence, settings
from latency_bench.reports.measured_accuracies import MEASURED_REMARK, MeasuredAccuracies
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.plots.kinds import Options, draw, write
from latency_bench.reports.plots.trade_off_points import trade_off_points
from latency_bench.reports.rows import rows_of
from latency_bench.reports.tables.build import build_table
from latency_bench.reports.tables.quantities import Measurements
from tests.reports.accuracies import add_accuracy, outcomes

TITLE = "top-1, % (measured on val, 400 images)"


def measured(store: Path) -> MeasuredAccuracies:
    return MeasuredAccuracies.of(find_accuracies(store))


def table_of(store: Path) -> tuple[list[str], dict[str, list[Any]]]:
    table = build_chosen_table(load_runs(store), Request(columns=["latency", "accuracy"], measured=measured(store)))
    titles = [column.title for block in table.blocks for column in block.columns]
    return titles, {row.cells[0][0].text: list(row) for row in table.rows}


def points_of(store: Path) -> dict[str, dict[str, Any]]:
    points = rows_of(trade_off_points(load_runs(store), "latency", [], measured=measured(store)))
    return {point["label"]: point for point in points if point["metric"] == "top-1, %"}


def test_an_accuracy_stands_beside_the_run_of_the_same_file_alone(add_run, store) -> None:
    scored = add_run("net-a", 10.0, sha256="aa" * 32)
    add_run("net-b", 20.0, sha256="bb" * 32)
    add_accuracy(store, scored, outcomes(0.75))
    add_accuracy(store, scored, outcomes(0.99), sha256="ee" * 32)
    titles, rows = table_of(store)
    cell = rows["net-a"][titles.index(TITLE)]
    assert cell.value == pytest.approx(75)
    assert cell.low < 75 < cell.high
    assert cell.text.startswith("75.0 [")
    assert rows["net-b"][titles.index(TITLE)].value is None
    add_run("net-a", 11.0, sha256="cc" * 32)
    assert TITLE not in table_of(store)[0], "the latest run is of another file, which nobody scored"


def test_agreement_is_called_so_and_is_in_no_figure(add_run, store) -> None:
    run = add_run("net-a", 10.0)
    add_accuracy(store, run, outcomes(0.98), against_module=True)
    assert f"agreement with fp32: {TITLE}" in table_of(store)[0]
    assert points_of(store) == {}


def test_bold_is_what_the_same_images_show(add_run, store) -> None:
    for number, (model, share) in enumerate((("net-a", 0.75), ("net-b", 0.71), ("net-c", 0.60))):
        add_accuracy(store, add_run(model, 10.0 + number, sha256=f"{number}" * 64), outcomes(share))
    titles, rows = table_of(store)
    place = titles.index(TITLE)
    assert [name for name, row in rows.items() if row[place].best] == ["net-a"]
    overlap = rows["net-b"][place].high > rows["net-a"][place].low
    assert overlap, "two intervals side by side could not tell them apart"


def test_the_front_needs_both_to_be_shown(add_run, store) -> None:
    """By latencies that are far apart (10, 20, ...) and accuracies that are, are not, and are the very same."""
    for number, (model, median_ms, share) in enumerate(
        (("quick", 10.0, 0.60), ("slow-worse", 40.0, 0.55), ("slow-same", 20.0, 0.60), ("slow-better", 80.0, 0.80))
    ):
        run = add_run(model, median_ms, rounds=7, sha256=f"{number}" * 64)
        add_accuracy(store, run, outcomes(share))
    nearly = outcomes(0.80)
    nearly[nearly[:, 1].argmax(), 1:] = 0
    add_accuracy(store, add_run("as-good", 90.0, rounds=7, sha256="9" * 64), nearly)
    found = points_of(store)
    assert {label: point["on_front"] for label, point in found.items()} == {
        "quick": "on",
        "slow-worse": "off",
        "slow-same": "off",
        "slow-better": "on",
        "as-good": "open",
    }
    assert found["quick"]["accuracy_from"] == "measured"
    assert found["quick"]["accuracy_low"] < found["quick"]["accuracy"] < found["quick"]["accuracy_high"]


def test_precisions_stand_in_one_panel(add_run, store) -> None:
    for precision, median_ms, share in (("fp32", 20.0, 0.75), ("int8-dynamic", 10.0, 0.70)):
        run = add_run("net-a", median_ms, precision=precision, rounds=7, sha256=precision[:2].encode().hex() * 16)
        add_accuracy(store, run, outcomes(share))
    found = points_of(store)
    assert set(found) == {"net-a fp32", "net-a int8-dynamic"}
    assert {point["panel"] for point in found.values()} == {"desk: litert, 2 threads"}
    assert {point["on_front"] for point in found.values()} == {"on"}


def test_the_figure_has_intervals_in_both_directions(add_run, store, tmp_path) -> None:
    for number, share in enumerate((0.6, 0.8)):
        add_accuracy(store, add_run(f"net-{number}", 10.0 * 2**number, sha256=f"{number}" * 64), outcomes(share))
    drawn = draw("latency", load_runs(store), store, Options())
    (axes,) = [one for one in drawn.figure.axes if one.get_ylabel() == "top-1, % (measured)"]
    bars = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    assert all(bar.has_xerr and bar.has_yerr for bar in bars)
    path, numbers = write("latency", load_runs(store), store, tmp_path / "pareto.pdf", Options())
    assert path.stat().st_size > 0
    assert "accuracy_low" in numbers.read_text().splitlines()[0]


def test_the_papers_tables_have_it_beside_what_is_published(add_run, store) -> None:
    run = add_run("b1-seg", 250.0)
    paper = default_paper().table("3")
    runs = load_runs(store)
    before = build_table(paper, Measurements(Evidence(runs), tuple(settings(runs)), accuracies=measured(store)))
    assert MEASURED_REMARK not in before.remarks
    add_accuracy(store, run, outcomes(0.8))
    after = build_table(paper, Measurements(Evidence(runs), tuple(settings(runs)), accuracies=measured(store)))
    assert MEASURED_REMARK in after.remarks
    assert any(column.title == TITLE for block in after.blocks for column in block.columns)
