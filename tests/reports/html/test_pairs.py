"""Pairs in the page: their table, their charts, and the way there from a run of one of their cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latency_bench.harness.store.pair_record import PairRecord, parse_pair
from latency_bench.harness.store.pair_samples import PairSamples
from latency_bench.harness.store.reader import StoredPair
from latency_bench.harness.store.run_table import row_of
from latency_bench.reports.html import write_html
from latency_bench.reports.html.pair_chart import ratio_chart
from latency_bench.reports.html.pairs import pair_parts, pair_table, pairs_of_runs

from .conftest import MADE_AT

EXAMPLE = Path(__file__).parents[2] / "harness" / "store" / "examples" / "pair_1.json"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def record() -> PairRecord:
    return parse_pair(EXAMPLE.read_bytes())


@pytest.fixture
def pair(record: PairRecord, monkeypatch: pytest.MonkeyPatch) -> StoredPair:
    """Two sides whose ratio is 1.5 in every block, while the machine slows down by a half."""
    samples = []
    for number in range(len(record.pairs)):
        drift = np.linspace(1e6, 1.5e6, 400)
        for side, factor in ((0, 1.0), (1, 1.5)):
            latency_ns = (drift * factor).astype(np.int64)
            start_ns = np.arange(400, dtype=np.int64) * 5_000_000 + side * 2_000_000
            block, kept = np.arange(400), np.ones(400, dtype=np.bool_)
            samples.append(PairSamples(side, number, number, False, start_ns, latency_ns, block, kept, {}))
    monkeypatch.setattr(StoredPair, "samples", lambda self: samples)
    return StoredPair(Path("store") / "local" / "_pairs" / record.run_id, record)


def test_the_chart_has_the_ratio_and_no_more_points_than_can_be_seen(pair: StoredPair) -> None:
    svg = str(ratio_chart(pair))
    assert svg.startswith('<svg class="pair"')
    assert 3 <= svg.count("<circle") <= 3 * 300
    assert "1.500" in svg, "the axis of the ratio"
    assert "ratio of neighbours" in svg
    assert "style=" not in svg, "the page's policy allows no inline style"


def test_a_run_of_one_of_the_cases_knows_its_pairs(pair: StoredPair, record: PairRecord) -> None:
    rows = [{**row_of(side), "run_id": f"run-{number}"} for number, side in enumerate(record.sides)]
    other = {**rows[0], "run_id": "run-other", "model": "another"}
    found = pairs_of_runs([pair], pd.DataFrame([*rows, other]))
    assert set(found) == {"run-0", "run-1"}
    assert found["run-0"][0]["anchor"] == f"pair-{record.run_id}"


def test_a_failed_pair_is_listed_with_its_reason_and_nothing_becomes_markup(record: PairRecord) -> None:
    failure = {"stage": "measure", "kind": "crashed", "message": HOSTILE, "remedy": ""}
    content = {**record.model_dump(), "status": "failed", "failure": failure, "ratios": (), "pairs": ()}
    failed = StoredPair(Path("x"), PairRecord.model_validate({**content, "stopped_by": None}))
    (part,) = pair_parts([failed])
    for text in (str(pair_table([failed])), str(part.html)):
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text
    assert "<svg" not in part.html


def test_the_page_has_a_view_of_pairs_only_where_there_are_any(
    pair: StoredPair, record: PairRecord, tmp_path: Path
) -> None:
    runs = pd.DataFrame([row_of(record.sides[0])])
    with_pairs, without = tmp_path / "with.html", tmp_path / "without.html"
    write_html(runs, tmp_path, with_pairs, pairs=[pair], made_at=MADE_AT)
    write_html(runs, tmp_path, without, made_at=MADE_AT)
    text = with_pairs.read_text(encoding="utf-8")
    assert f'id="pair-{record.run_id}"' in text
    assert 'data-nav="pairs"' in text
    assert 'id="view-pairs"' not in without.read_text(encoding="utf-8")
