"""What the page carries of single runs: which ones, and that it is what their folders say."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latency_bench.harness.identity.case_key import CASE_COLUMNS
from latency_bench.harness.store.reader import StoredRun, read_record
from latency_bench.reports.html.details import RUNS_PER_BLOCK, Place, chosen_runs, detail_blocks, run_details


def places_of(runs: pd.DataFrame) -> list[Place]:
    return chosen_runs(runs, len(runs))


def content_of(block: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(block.split(">")[1].split("<")[0])))
    return content


def test_the_latest_of_every_case_comes_first_then_the_latest_others(runs: pd.DataFrame) -> None:
    latest = set(runs.drop_duplicates(list(CASE_COLUMNS))["run_id"])
    others = [run_id for run_id in runs["run_id"] if run_id not in latest]

    assert {place.run_id for place in chosen_runs(runs, len(latest))} == latest
    assert {place.run_id for place in chosen_runs(runs, len(latest) + 3)} == latest | set(others[:3])
    assert len(chosen_runs(runs, 5)) == 5
    assert chosen_runs(runs, 0) == []


def test_details_are_what_the_folder_says(runs: pd.DataFrame, store: Path) -> None:
    row = runs[(runs["status"] == "done") & (runs["rounds"] == 3)].iloc[1]
    record = read_record(store / row["path"])
    blocks = StoredRun(store / row["path"], record).samples()

    found = run_details(store, Place(row["device"], row["model"], row["run_id"]))

    assert record.summary is not None
    assert found["problems"] == []
    assert found["summary"]["latency"]["median_ms"] == record.summary.latency.median_ms
    assert [flag["name"] for flag in found["flags"]] == [flag.name for flag in record.flags]
    assert found["files"] == [[name, one.sha256, one.size_bytes] for name, one in record.files.items()]
    assert found["environment"]["Device, as its probes found it"] == record.device.fingerprint
    slowest_ns = max(block.latency_ns.max() for block in blocks if not block.warmup)
    assert found["quantiles_ms"][-1] == pytest.approx(slowest_ns / 1e6, rel=1e-5)
    assert len(found["over_time"]) == len(blocks)


def test_every_run_is_in_the_block_that_its_place_says(runs: pd.DataFrame, store: Path) -> None:
    places = places_of(runs)[: RUNS_PER_BLOCK + 3]

    blocks = [content_of(block) for block in detail_blocks(store, places)]

    assert [len(block["runs"]) for block in blocks] == [RUNS_PER_BLOCK, 3]
    for position, place in enumerate(places):
        one = blocks[position // RUNS_PER_BLOCK]["runs"][place.run_id]
        record = read_record(store / place.device / place.model / place.run_id)
        part = one["environment"]["Device, as its probes found it"]
        assert blocks[position // RUNS_PER_BLOCK]["parts"][part] == record.device.fingerprint


def test_what_environments_share_is_there_once(runs: pd.DataFrame, store: Path) -> None:
    (block,) = detail_blocks(store, places_of(runs)[:20])

    parts = [json.dumps(part, sort_keys=True) for part in content_of(block)["parts"]]
    assert len(parts) == len(set(parts)) < 5 * 20


@pytest.fixture
def one_run(runs: pd.DataFrame, store: Path, tmp_path: Path) -> tuple[Path, Place]:
    row = runs[runs["status"] == "done"].iloc[0]
    shutil.copytree(store / row["path"], tmp_path / "store" / row["path"])
    return tmp_path / "store", Place(row["device"], row["model"], row["run_id"])


def test_damaged_samples_are_told_and_the_record_is_shown(one_run: tuple[Path, Place]) -> None:
    store, place = one_run
    path = store / place.device / place.model / place.run_id / "samples.parquet"
    path.write_bytes(b"PAR1 no more")

    found = run_details(store, place)

    assert "samples.parquet: cannot be read" in found["problems"][0]
    assert str(store) not in found["problems"][0]
    assert found["summary"] is not None
    assert "quantiles_ms" not in found


def test_a_run_that_went_away_is_a_problem_and_no_failure(one_run: tuple[Path, Place]) -> None:
    store, place = one_run
    shutil.rmtree(store / place.device)

    (problem,) = run_details(store, place)["problems"]

    assert "record.json: cannot be read" in problem
    assert str(store) not in problem
