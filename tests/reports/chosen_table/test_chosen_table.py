"""Tables of one's own: which run stands where, in which order, over which baseline, and what is bold."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.store.errors import ColumnError
from latency_bench.reports.accuracy_file import read_accuracies
from latency_bench.reports.chosen_table.build import Request, build_chosen_table
from latency_bench.reports.errors import AccuracyFileError, TableError
from latency_bench.reports.tables.formats import FORMATS
from latency_bench.reports.tables.table import Table

Make = Callable[..., Any]
FAST, SLOW = [10.0, 10.1, 10.2, 10.3, 10.4], [20.0, 20.1, 20.2, 20.3, 20.4]
NEARLY = [10.05, 10.15, 10.25, 10.1, 10.5]


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def titles(table: Table) -> list[str]:
    return [column.title for block in table.blocks for column in block.columns]


def best(table: Table) -> list[tuple[str, str]]:
    """Row and column of everything in bold."""
    columns = [column.key for block in table.blocks for column in block.columns]
    return [
        (row.cells[0][0].text, key) for row in table.rows for key, cell in zip(columns, row, strict=True) if cell.best
    ]


@pytest.fixture
def runs(make_run: Make, table_of: Make) -> Any:
    return table_of(
        make_run("b1-seg", FAST, macs=25_000_000_000, round_samples=[30] * 5),
        make_run("segnext-t", SLOW, macs=31_000_000_000, round_samples=[30] * 5),
        make_run("b0-seg", NEARLY, macs=5_000_000_000, round_samples=[30] * 5),
    )


def test_rows_are_models_by_latency_with_what_it_rests_on(runs: Any) -> None:
    table = build_chosen_table(runs, Request())
    assert titles(table) == ["model", "latency, ms", "rounds × requests"]
    assert texts(table) == [
        ["b0-seg", "10.15 [10.05, 10.50]", "5 × 30"],
        ["b1-seg", "10.20 [10.00, 10.40]", "5 × 30"],
        ["segnext-t", "20.20 [20.00, 20.40]", "5 × 30"],
    ]
    assert table.title == "Measured on local, litert, fp32, 2 threads"


def test_digits_are_those_that_the_interval_bears(make_run: Make, table_of: Make) -> None:
    wide = make_run("b0-seg", [252.41, 240.3, 263.9], low_ms=240.3, high_ms=263.9)
    narrow = make_run("b1-seg", [1.23456, 1.23450, 1.2346])
    none = make_run("b2-seg", [1234.5])
    rows = dict(texts(build_chosen_table(table_of(wide, narrow, none), Request(columns=["latency"]))))
    assert rows == {
        "b0-seg": "252 [240, 264]",
        "b1-seg": "1.234560 [1.234500, 1.234600]",
        "b2-seg": "1234",
    }


def test_bold_is_only_what_is_shown_to_be_best(runs: Any, make_run: Make, table_of: Make) -> None:
    columns = ["latency", "macs", "peak_rss"]
    assert best(build_chosen_table(runs, Request(columns=columns))) == [("b0-seg", "macs")]
    without = runs[runs["model"] != "b0-seg"]
    assert best(build_chosen_table(without, Request(columns=columns))) == [
        ("b1-seg", "median_ms"),
        ("b1-seg", "macs"),
    ]
    few = table_of(make_run("b1-seg", FAST[:2]), make_run("b0-seg", SLOW[:2]))
    assert best(build_chosen_table(few, Request())) == [], "two rounds show nothing"
    for unclear in ({"conclusive": "no"}, {"status": "unstable"}):
        pair = table_of(make_run("b1-seg", FAST, **unclear), make_run("b0-seg", SLOW))
        assert best(build_chosen_table(pair, Request())) == [], "such a run shows nothing"


def test_ranks_have_ties(runs: Any) -> None:
    table = build_chosen_table(runs, Request(columns=["latency", "rank"]))
    assert [row[-1] for row in texts(table)] == ["1 to 2", "1 to 2", "3"]
    assert "no difference in latency shown among b0-seg, b1-seg." in table.remarks


def test_ratios_are_over_the_baseline(runs: Any) -> None:
    table = build_chosen_table(runs, Request(baseline="segnext-t"))
    assert titles(table)[1:3] == ["latency, ms", "speed-up"]
    (b0, b1, segnext) = (row[2] for row in texts(table))
    assert (b0[:4], b1[:4], segnext) == ("1.99", "1.98", "baseline")
    assert "×" in b0
    with pytest.raises(TableError, match="b3-seg; there are b0-seg, b1-seg, segnext-t"):
        build_chosen_table(runs, Request(baseline="b3-seg"))
    with pytest.raises(TableError, match="--baseline MODEL"):
        build_chosen_table(runs, Request(columns=["ratio"]))


def test_devices_stand_side_by_side(make_run: Make, table_of: Make) -> None:
    runs = table_of(
        make_run("b1-seg", FAST, device="desk"),
        make_run("b1-seg", SLOW, device="orin", runtime="tensorrt", threads=None),
        make_run("b0-seg", SLOW, device="desk"),
    )
    table = build_chosen_table(runs, Request(rows=["model"], columns=["device", "latency"]))
    assert [block.title for block in table.blocks] == ["", "desk", "orin"]
    assert texts(table) == [
        ["b1-seg", "10.20 [10.00, 10.40]", "20.20 [20.00, 20.40]"],
        ["b0-seg", "20.20 [20.00, 20.40]", "not measured"],
    ]
    over_desk = build_chosen_table(
        runs, Request(["model"], ["device", "ratio"], baseline="device=desk", across=["runtime", "threads"])
    )
    assert [row[1] for row in texts(over_desk)] == ["baseline", "baseline"]


def test_rows_take_as_many_names_as_tell_the_runs_apart(make_run: Make, table_of: Make) -> None:
    runs = table_of(
        make_run("b1-seg", FAST, threads=1),
        make_run("b1-seg", SLOW, threads=4),
        make_run("b1-seg", SLOW, threads=1, batch=4),
    )
    assert titles(build_chosen_table(runs, Request(columns=["latency"])))[:3] == ["model", "threads", "batch"]
    with pytest.raises(TableError, match=r"they differ in threads \(threads: 1, 4\); add threads to --rows"):
        build_chosen_table(runs[runs["batch"] == 1], Request(rows=["model"]))
    grouped = build_chosen_table(runs[runs["batch"] == 1], Request(rows=["threads", "model"]))
    assert [len(group) for group in grouped.groups] == [1, 1]


def test_the_latest_run_of_a_case_counts_and_a_failure_has_its_reason(make_run: Make, table_of: Make) -> None:
    old, new = make_run("b1-seg", SLOW), make_run("b1-seg", FAST)
    failed = make_run("b0-seg", runtime=None, threads=None, runtime_options=None)
    later_failure = make_run("b1-seg")
    table = build_chosen_table(table_of(old, new, failed, later_failure), Request(columns=["latency"]))
    assert [row[-1] for row in texts(table)] == ["10.20 [10.00, 10.40]", "failed"]
    assert "failed in measure: the device has too little memory" in table.footnotes()


def test_rows_by_a_column_of_the_users_own_code(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("b1-seg", FAST, commit="aaa"), make_run("b1-seg", SLOW, commit="bbb"))
    table = build_chosen_table(runs, Request(rows=["commit"], columns=["latency"], sort="-commit"))
    assert [row[0] for row in texts(table)] == ["bbb", "aaa"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, ["b0-seg", "b1-seg", "segnext-t"]),
        ("-latency", ["segnext-t", "b1-seg", "b0-seg"]),
        ("model", ["b0-seg", "b1-seg", "segnext-t"]),
        ("macs", ["b0-seg", "b1-seg", "segnext-t"]),
        ("-macs", ["segnext-t", "b1-seg", "b0-seg"]),
        ("ratio", ["b0-seg", "b1-seg", "segnext-t"]),
    ],
)
def test_the_order_is_the_one_that_was_asked_for(runs: Any, sort: str | None, order: list[str]) -> None:
    table = build_chosen_table(runs, Request(sort=sort, baseline="segnext-t"))
    assert [row[0] for row in texts(table)] == order


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(columns=["latenzy"]), "there is no column called 'latenzy'"),
        (Request(rows=["flags"]), "several values in one run"),
        (Request(columns=["latency", "median_ms"]), "twice"),
        (Request(sort="device"), "add it to --rows"),
    ],
)
def test_wrong_names_are_told(runs: Any, request_: Request, words: str) -> None:
    with pytest.raises((ColumnError, TableError), match=words):
        build_chosen_table(runs, request_)


def test_accuracies_stand_beside_their_models(runs: Any, tmp_path: Path) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text('model,metric,value,note\nb1-seg,"mIoU, %",80.50,x\nb0-seg,"mIoU, %",75.7,y\nother,"mIoU, %",1,z\n')
    table = build_chosen_table(runs, Request(columns=["latency"], accuracies=read_accuracies(file)))
    assert titles(table) == ["model", "mIoU, %", "latency, ms"]
    assert [row[1] for row in texts(table)] == ["75.7", "80.50", "–"]
    rows = json.loads(FORMATS["json"](table))
    assert [row["accuracy_miou"] for row in rows] == [75.7, 80.5, None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the column model and metric and value is missing"),
        ("model,metric,value\n", "has no rows below"),
        ("model,metric,value\na,top-1,high\n", "line 2: the value 'high' is not a number"),
        ("model,metric,value\na,top-1,nan\n", "line 2"),
        ("model,metric,value\na,,3\n", "line 2: the model or the metric is empty"),
        ("model,metric,value\na,top-1,3\na,top-1,4\n", "line 3: a has a second top-1"),
        ("model,metric,value\na\n", "line 2"),
    ],
)
def test_a_file_of_accuracies_that_is_none_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text(text)
    with pytest.raises(AccuracyFileError, match=words):
        read_accuracies(file)


@pytest.mark.parametrize("ending", list(FORMATS))
def test_every_format_has_every_cell_and_says_what_is_bold(runs: Any, ending: str) -> None:
    table = build_chosen_table(runs, Request(baseline="segnext-t", columns=["latency", "macs"]))
    written = FORMATS[ending](table)
    interval = "{[}10.05, 10.50{]}"
    cells = {
        "tex": ["b0{-}seg", f"10 & .15 {interval}"],
        "siunitx": ["b0{-}seg", rf"10.15 & \ {interval}"],
        "md": ["b0-seg", "10.15", "20.20"],
        "html": ["b0-seg", "10.15", "20.20"],
    }
    for word in cells.get(ending, ["b0-seg"]):
        assert word in written
    bold = {"md": "**5 G**", "tex": r"\textbf{5} & \ \textbf{G}", "siunitx": r"\bfseries 5 & \ \textbf{G}",
            "csv": "True", "html": "<strong>5 G</strong>", "json": '"macs_best": true'}  # fmt: skip
    assert bold[ending] in written


def test_programs_get_what_the_rows_share_and_what_they_do_not(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("b1-seg", FAST, threads=1), make_run("b1-seg", SLOW, threads=4))
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](build_chosen_table(runs, Request())))))
    assert [(row["threads"], row["device"], row["median_ms"]) for row in rows] == [
        ("1", "local", "10.2"),
        ("4", "local", "20.2"),
    ]
    by_setting = build_chosen_table(runs, Request(rows=["setting"]))
    assert [row["setting"] for row in json.loads(FORMATS["json"](by_setting))] == [
        "local: litert fp32, 1 thread",
        "local: litert fp32, 4 threads",
    ]
