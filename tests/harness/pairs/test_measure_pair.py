"""Whole paired measurements with real workers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.pairs import pair_run
from latency_bench.harness.pairs.pair_request import PairRequest
from latency_bench.harness.pairs.pair_run import measure_pair
from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.errors import StoreError
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.pair_listing import find_pairs
from latency_bench.harness.store.pair_record import PairRecord
from latency_bench.harness.store.reader import StoredPair, open_folder, open_stored, read_pair, run_names
from latency_bench.harness.store.spool import recover
from latency_bench.harness.store.verify import verify_run, verify_store
from latency_bench.harness.store.writer import RunWriter
from latency_bench.reports.plots.pair_ratio import draw_pair
from latency_bench.reports.plots.style import save_drawn
from tests.harness.pairs.conftest import FAST, Silent, onnx_case, save_convolutions

pytest.importorskip("onnxruntime")
BRIEF = {"within": 0.9, "max_minutes": 0.02}
"""One pair of processes."""


def _measure(request: PairRequest, store: Path, observer):
    return measure_pair(request, store, ["bench", "pair"], observer)


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> tuple[PairRecord, Path]:
    """Two files, the second with four times the work, and the store of their pair."""
    folder = tmp_path_factory.mktemp("pair")
    (folder / "fast.yaml").write_text(FAST)
    files = [save_convolutions(folder / f"{name}.onnx", layers) for name, layers in (("few", 2), ("many", 8))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(folder / "cache"))
        patch.setenv("BENCH_LOCKS", str(folder / "locks"))
        cases = tuple(onnx_case(file, folder / "fast.yaml") for file in files)
        record, _ = _measure(PairRequest(cases, within=0.9, max_minutes=0.1, seed=3), folder / "store", Silent())
    return record, folder / "store"


@pytest.fixture
def stored(measured, tmp_path, own_cache) -> tuple[PairRecord, Path]:
    """The pair, in a store of the test's own."""
    record, store = measured
    shutil.copytree(store, tmp_path / "store")
    return record, tmp_path / "store" / "local" / "_pairs" / record.run_id


def test_two_files_side_by_side(stored, tmp_path):
    record, path = stored
    assert record.status == "done"
    (ratio,) = record.ratios
    assert ratio.ratio > 1.2, "four times the work"
    assert ratio.process_pairs == len(record.pairs) >= 1
    assert record.turns.mode == "turns"
    assert [side.model.id.rpartition("-")[0] for side in record.sides] == ["file-few", "file-many"]
    assert [side.summary.latency.rounds for side in record.sides] == [len(record.pairs)] * 2

    parts = open_folder(path).samples()
    for pair in record.pairs:
        mine = [part for part in parts if part.pair == pair.index and not part.warmup]
        starts = np.concatenate([part.start_ns for part in mine])
        ends = starts + np.concatenate([part.latency_ns for part in mine])
        assert (np.sort(ends)[:-1] <= np.sort(starts)[1:]).all(), "one in flight"
        blocks = [set(part.block.tolist()) for part in mine]
        assert blocks[0] == blocks[1] == set(range(max(blocks[0]) + 1))
        for number, part in enumerate(mine):
            discarded, requests = record.turns.discarded[number], record.turns.requests[number]
            assert part.kept.sum() == pair.blocks * (requests - discarded)
    assert verify_run(path, in_store=True) == []
    assert verify_store(tmp_path / "store").findings == []
    assert verify_store(tmp_path / "store").runs == 1


def test_a_pair_is_listed_exported_and_imported_and_is_no_run(stored, tmp_path):
    store, other = tmp_path / "store", tmp_path / "other"
    _, path = stored
    assert run_names(store) == []
    record = read_pair(path)
    assert [one.record for one in find_pairs(store)] == [record]
    found = open_stored(store, record.run_id[-6:])
    assert isinstance(found, StoredPair)
    assert found.record == record
    write_archive([path], tmp_path / "pairs.tar.gz")
    assert import_runs(other, tmp_path / "pairs.tar.gz").added == [f"local/_pairs/{record.run_id}"]
    assert import_runs(other, store).present == [f"local/_pairs/{record.run_id}"]
    assert [one.record for one in find_pairs(other)] == [record]


def test_three_sides_are_each_held_against_the_first(write_model, case_for, observer, tmp_path, own_cache):
    cases = [case_for(write_model(f"m{layers}", layers=layers)) for layers in (2, 2, 10)]
    record, _ = _measure(PairRequest(tuple(cases), **BRIEF), tmp_path / "store", observer)
    assert [one.side for one in record.ratios] == [1, 2]
    assert record.ratios[1].ratio > record.ratios[0].ratio
    result = record.to_result_json("x")
    assert result["ratio"] == record.ratios[0].ratio
    assert [one["side"] for one in result["ratios"]] == [1, 2]
    assert any("pair 1 of 10 or more" in stage and "widest of 2 ratios" in stage for stage in observer.stages)


def test_what_a_side_takes_alone_is_not_known_from_a_cold_request(write_model, tmp_path, observer, own_cache):
    protocol = tmp_path / "cold.yaml"
    one_request = "min_count: 1, max_count: 1, min_s: 0"
    protocol.write_text(FAST.replace("min_count: 6, max_count: 40, min_s: 0.02", one_request))
    cases = tuple(onnx_case(write_model(f"m{layers}", layers=layers), protocol) for layers in (2, 3))
    record, _ = _measure(PairRequest(cases, **BRIEF), tmp_path / "store", observer)
    assert record.status == "done"
    assert [one.alone for one in record.bias] == [None, None]
    assert record.in_blocks == ()


def test_sides_that_do_not_fit_together_take_turns_as_short_processes(
    write_model, case_for, observer, tmp_path, own_cache, monkeypatch
):
    """The store says so, and the ratio is there all the same."""
    monkeypatch.setattr(pair_run, "estimated_bytes", lambda artifact: 60e9)
    monkeypatch.setattr(pair_run, "free_bytes", lambda readings: 100e9)
    cases = (case_for(write_model("few", layers=2)), case_for(write_model("many", layers=12)))
    record, path = _measure(PairRequest(cases, **BRIEF), tmp_path / "store", observer)
    assert record.turns.mode == "processes"
    assert "120.0 GB at once, and 100.0 GB are free" in (record.turns.reason or "")
    assert "not_by_turns" in [flag.name for flag in record.flags]
    assert record.ratios[0].ratio > 1
    assert len({one.pid for side in record.sides for one in side.rounds}) == 4 * len(record.pairs)
    assert verify_run(path, in_store=True) == []


def test_a_side_that_fails_is_stored_with_the_reason(write_model, case_for, observer, tmp_path, own_cache):
    cases = (case_for(write_model("good", layers=2)), case_for(write_model("bad", layers=3, operator="NoSuchOperator")))
    record, path = _measure(PairRequest(cases, **BRIEF), tmp_path / "store", observer)
    assert (record.status, record.failed_side) == ("failed", 1)
    assert record.failure is not None
    assert verify_run(path, in_store=True) == []
    assert record.to_result_json(path)["failure"]["side"] == 1


def test_a_wrong_request_leaves_nothing_behind(write_model, case_for, observer, tmp_path, own_cache):
    case = case_for(write_model("few", layers=2), cpus=(4095,))
    with pytest.raises(UsageError, match="core 4095 is not available"):
        _measure(PairRequest((case, case), **BRIEF), tmp_path / "store", observer)
    assert not (tmp_path / "store").exists()
    with pytest.raises(UsageError, match="two sides"):
        PairRequest((case,))


def test_a_damaged_sample_of_a_pair_is_seen(stored):
    _, path = stored
    samples = path / "samples.parquet"
    content = bytearray(samples.read_bytes())
    content[len(content) // 2] ^= 1
    samples.write_bytes(content)
    assert [finding.path for finding in verify_run(path)] == [samples]


def test_the_same_seed_gives_the_same_order(stored, write_model, case_for, observer, tmp_path):
    case = case_for(write_model("few", layers=2))
    paths = [stored[1]]
    paths += [
        _measure(PairRequest((case, case), **BRIEF, seed=seed), tmp_path / "again", observer)[1] for seed in (3, 4)
    ]
    orders = []
    for path in paths:
        first = [part for part in open_folder(path).samples() if part.pair == 0 and not part.warmup]
        starts = [part.start_ns[np.unique(part.block, return_index=True)[1]] for part in first]
        count = min(map(len, starts))
        orders.append((starts[1][:count] < starts[0][:count]).tolist())
    length = min(map(len, orders))
    assert orders[0][:length] == orders[1][:length] != orders[2][:length]


def test_a_pair_is_drawn_over_time_with_its_numbers(stored, tmp_path):
    record, path = stored
    drawn = draw_pair(open_folder(path))
    figure, table = save_drawn(drawn, tmp_path / "pair.svg")
    assert "B / A" in figure.read_text()
    blocks = drawn.data
    assert len(blocks) == 2 * sum(pair.blocks for pair in record.pairs)
    assert (blocks[blocks["side"] == "A"]["ratio"] == 1).all()
    of_a, of_b = (blocks[blocks["side"] == side].set_index(["pair", "block"]) for side in "AB")
    assert of_b["ratio"].to_numpy() == pytest.approx((of_b["latency_ms"] / of_a["latency_ms"]).to_numpy(), rel=1e-3)
    assert table.read_text().startswith("run_id,pair,block,side,time_s,latency_ms,ratio\n")


def test_a_pair_that_its_store_does_not_take_is_kept(write_model, case_for, observer, tmp_path, own_cache, monkeypatch):
    cases = (case_for(write_model("few", layers=2)), case_for(write_model("many", layers=8)))
    store = tmp_path / "store"

    def refuse(writer: RunWriter, record: PairRecord) -> Path:
        if writer.store == store:
            raise StoreError("it refuses.")
        return commit(writer, record)

    commit = RunWriter.commit
    monkeypatch.setattr(RunWriter, "commit", refuse)
    with pytest.raises(StoreError, match=r"it refuses.*`bench results recover`"):
        _measure(PairRequest(cases, **BRIEF), store, observer)
    monkeypatch.undo()
    monkeypatch.setenv("BENCH_CACHE", str(own_cache))
    (name,) = recover(None).stored
    assert "/_pairs/" in name
    assert (verify_store(store).runs, verify_store(store).findings) == (1, [])
