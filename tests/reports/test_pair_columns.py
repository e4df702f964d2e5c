"""Ratios of pairs as columns of the run list and of tables of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from latency_bench.harness.cli.main import bench
from latency_bench.harness.store.columns.registry import columns, find_columns
from latency_bench.harness.store.layout import PAIRS_FOLDER
from latency_bench.harness.store.pair_record import PairRecord, parse_pair
from latency_bench.harness.store.pair_samples import PairSamples
from latency_bench.harness.store.reader import StoredPair
from latency_bench.harness.store.run_table import row_of
from latency_bench.harness.store.writer import RunWriter
from latency_bench.reports.chosen_table.build import Request, build_chosen_table
from latency_bench.reports.pair_columns import PAIR_COLUMNS, need_pairs, with_pair_columns
from latency_bench.reports.paired_ratios import PairedRatios

ROOT = Path(__file__).parents[2]


@pytest.fixture
def record() -> PairRecord:
    record = parse_pair((ROOT / "tests" / "harness" / "store" / "examples" / "pair_1.json").read_bytes())
    (ratio,) = record.ratios
    return record.model_copy(update={"ratios": (ratio.model_copy(update={"low": 5.8, "high": 6.1}),)})


@pytest.fixture
def paired(record: PairRecord) -> PairedRatios:
    return PairedRatios.of([StoredPair(Path("store/local/_pairs") / record.run_id, record)])


def test_the_further_side_has_the_ratio_and_the_first_one_none(record: PairRecord, paired: PairedRatios) -> None:
    first, further = with_pair_columns([dict(row_of(side)) for side in record.sides], paired)
    assert {first[column.name] for column in PAIR_COLUMNS} == {None}
    assert (further["pair_ratio"], further["pair_ratio_low"], further["pair_ratio_high"]) == (
        *(record.ratios[0].ratio, 5.8, 6.1),
    )
    assert further["pair_over"].startswith(record.sides[0].model.id)
    assert further["pair_id"] == record.run_id


def test_a_pair_of_one_case_with_itself_says_nothing_of_it(record: PairRecord) -> None:
    twice = record.model_copy(update={"sides": (record.sides[0], record.sides[0])})
    assert PairedRatios.of([StoredPair(Path("store/local/_pairs/x"), twice)]).latest == {}


def test_a_table_of_ones_own_has_the_column(record: PairRecord, paired: PairedRatios) -> None:
    runs = pd.DataFrame([dict(row_of(side)) for side in record.sides], columns=list(columns()))
    request = Request(["model", "runtime"], ["latency", "pair_ratio", "pair_over"], sort="-pair_ratio", paired=paired)
    table = build_chosen_table(runs, request)
    shown = {cells[1].text for row in table.rows for cells in row.cells[1:]}
    assert len(shown) == 2
    assert "5.93 [5.80, 6.10]" in shown
    assert any("Ratio of its pair" in remark for remark in table.remarks)


def test_the_run_list_shows_sorts_and_pools_it(record: PairRecord, tmp_path: Path) -> None:
    nothing = np.empty(0, dtype=np.int64)
    part = PairSamples(0, 0, 0, True, nothing, nothing, nothing, nothing.astype(np.bool_), {})
    with RunWriter(tmp_path, "local", PAIRS_FOLDER, record.run_id) as writer:
        writer.write_pair_samples([part])
        writer.commit(record)
    for side in record.sides:
        with RunWriter(tmp_path, "local", side.model.id, side.run_id) as writer:
            writer.commit(side.model_copy(update={"files": {}}))

    def listed(*words: str) -> list[dict[str, object]]:
        done = CliRunner().invoke(bench, ["results", "ls", *words, "--store", str(tmp_path), "--json"])
        assert done.exit_code == 0, done.output
        found: list[dict[str, object]] = json.loads(done.stdout)
        return found

    ratio = record.ratios[0].ratio
    assert [one["pair_ratio"] for one in listed("--columns", "model,pair_ratio,pair_over", "--sort", "pair_ratio")] == [
        ratio,
        None,
    ]
    assert {one["pair_ratio"] for one in listed("--by", "runtime,model", "--columns", "pair_ratio")} == {ratio, None}
    shown = CliRunner().invoke(bench, ["results", "ls", "--columns", "pair_ratio", "--store", str(tmp_path)])
    assert "5.933 [5.800, 6.100]" in shown.stdout


def test_each_is_documented_and_belongs_to_no_run_table() -> None:
    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    for column in PAIR_COLUMNS:
        assert f"| `{column.name}` |" in page
        assert column.meaning in page
        assert column.name not in columns()
    assert need_pairs(find_columns("model,pair_ratio", PAIR_COLUMNS))
    assert not need_pairs(find_columns("model,latency", PAIR_COLUMNS))
