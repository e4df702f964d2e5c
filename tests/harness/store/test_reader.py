from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.harness.store.errors import AmbiguousRunError, BrokenRunError, UnknownRunError
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import BrokenRun, open_run

StoreRun = Callable[..., Path]

FIRST, SECOND, THIRD = "20261122T101500Z-3f9a1c", "20261122T101501Z-aaaaaa", "20261123T090000Z-bbbbbb"


@pytest.fixture
def store(tmp_path: Path, store_run: StoreRun) -> Path:
    store_run(run_id=SECOND, device="orin", failed=True)
    store_run(run_id=FIRST)
    store_run(run_id=THIRD, model="l2-seg", status="unstable")
    return tmp_path / "store"


def test_runs_come_latest_first_across_devices_and_models(store: Path) -> None:
    assert [tuple(run[key] for key in ("run_id", "device", "model", "status")) for run in find_rows(store)] == [
        (THIRD, "local", "l2-seg", "unstable"),
        (SECOND, "orin", "b1-seg", "failed"),
        (FIRST, "local", "b1-seg", "done"),
    ]


def test_filters(store: Path) -> None:
    assert [run["run_id"] for run in find_rows(store, device="local")] == [THIRD, FIRST]
    assert [run["run_id"] for run in find_rows(store, model="b1-seg")] == [SECOND, FIRST]
    assert [run["run_id"] for run in find_rows(store, status="failed")] == [SECOND]
    assert [run["run_id"] for run in find_rows(store, device="local", model="l2-seg", status="done")] == []


def test_a_summary_has_the_numbers_and_a_failed_one_none(store: Path) -> None:
    by_id = {run["run_id"]: run for run in find_rows(store)}
    assert by_id[FIRST]["median_ms"] == 249.096794
    assert (by_id[FIRST]["samples"], by_id[FIRST]["flags"]) == (120, ["foreign-load"])
    assert (by_id[SECOND]["median_ms"], by_id[SECOND]["low_ms"], by_id[SECOND]["samples"]) == (None, None, None)


def test_a_broken_record_is_reported_and_the_others_are_listed(store: Path) -> None:
    record = store / "orin" / "b1-seg" / SECOND / "record.json"
    record.unlink()
    record.write_text("{")
    broken: list[BrokenRun] = []
    assert [run["run_id"] for run in find_rows(store, on_broken=broken.append)] == [THIRD, FIRST]
    assert [(one.path, "not JSON" in one.problem) for one in broken] == [(record.parent, True)]


def test_a_run_in_another_runs_place_is_reported(store: Path) -> None:
    moved = store / "orin" / "b1-seg" / FIRST
    shutil.move(store / "local" / "b1-seg" / FIRST, moved)
    broken: list[BrokenRun] = []
    assert FIRST not in [run["run_id"] for run in find_rows(store, on_broken=broken.append)]
    assert [one.path for one in broken] == [moved]


def test_what_is_no_run_is_passed_over(store: Path) -> None:
    (store / "README").write_text("")
    (store / "local" / "b1-seg" / ".tmp-20261122T101500Z-3f9a1c-1").mkdir()
    (store / "local" / "b1-seg" / "notes").mkdir()
    (store / ".cache" / "b1-seg" / FIRST).mkdir(parents=True)
    broken: list[BrokenRun] = []
    assert len(list(find_rows(store, on_broken=broken.append))) == 3
    assert broken == []


def test_no_store_has_no_runs(tmp_path: Path) -> None:
    assert list(find_rows(tmp_path / "nowhere")) == []
    with pytest.raises(UnknownRunError, match="does not hold any run"):
        open_run(tmp_path / "nowhere", FIRST)


@pytest.mark.parametrize(
    ("reference", "run_id"),
    [(FIRST, FIRST), ("20261123", THIRD), ("20261122T101501", SECOND), ("3f9a1c", FIRST), ("latest", THIRD)],
)
def test_a_run_goes_by_its_id_its_beginning_its_end_or_latest(store: Path, reference: str, run_id: str) -> None:
    assert open_run(store, reference).record.run_id == run_id


def test_a_run_goes_by_its_folder_wherever_it_lies(store: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(store / "local" / "b1-seg" / FIRST, tmp_path / "copy")
    stored = open_run(tmp_path / "nowhere", str(copy))
    assert stored.path == copy
    assert sum(len(block) for block in stored.samples() if not block.warmup) == 120
    assert stored.telemetry() is None


def test_an_ambiguous_beginning_names_the_candidates(store: Path) -> None:
    with pytest.raises(AmbiguousRunError, match=rf"2 runs.*{SECOND} \(orin/b1-seg\), {FIRST} \(local/b1-seg\)"):
        open_run(store, "20261122")


@pytest.mark.parametrize("reference", ["20261122T101500Z-3f9a1d", "20261122T101500Z-3f9alc"])
def test_an_unknown_run_gets_the_nearest(store: Path, reference: str) -> None:
    with pytest.raises(UnknownRunError, match=f"there is no run '{reference}'.*Nearest: {FIRST}"):
        open_run(store, reference)


@pytest.mark.parametrize("reference", ["", "zzz", "../../etc", "/etc", ".", ".."])
def test_anything_else_is_unknown(store: Path, reference: str) -> None:
    with pytest.raises(UnknownRunError, match="bench results ls"):
        open_run(store, reference)


def test_a_broken_run_cannot_be_opened_and_says_where(store: Path) -> None:
    record = store / "local" / "b1-seg" / FIRST / "record.json"
    content = json.loads(record.read_text())
    del content["summary"]["latency"]["median_ms"]
    record.unlink()
    record.write_text(json.dumps(content))
    with pytest.raises(BrokenRunError, match=r"record\.json: .*summary\.latency\.median_ms: Field required"):
        open_run(store, FIRST)
