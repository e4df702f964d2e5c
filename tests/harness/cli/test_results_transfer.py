"""`bench results import`, `export`, `gc` and `verify --set-aside` as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from latency_bench.harness.cli.results import results
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.reader import run_names

StoreRun = Callable[..., Path]
Bench = Callable[..., Result]

FIRST, SECOND = "20261122T101500Z-3f9a1c", "20261122T101501Z-aaaaaa"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("BENCH_STORE", str(tmp_path / "store"))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(results, [str(one) for one in arguments], standalone_mode=False)

    return invoke


@pytest.fixture
def two_runs(store_run: StoreRun) -> None:
    store_run(run_id=FIRST)
    store_run(run_id=SECOND, device="orin", failed=True)


@pytest.mark.usefixtures("two_runs")
def test_runs_travel_from_store_to_store(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "runs.tar.zst"
    assert f"{file}: 2 runs" in bench("archive", "--to", str(file)).stdout
    there = str(tmp_path / "there")
    assert "2 runs imported into" in bench("import", str(file), "--store", there).stdout
    again = bench("import", str(file), "--store", there)
    assert again.return_value == 0
    assert "0 runs imported" in again.stdout
    assert "2 were there already, 0 refused" in again.stdout
    assert run_names(tmp_path / "there") == run_names(tmp_path / "store")


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["orin"], [SECOND]),
        (["local/b1-seg"], [FIRST]),
        (["3f9a1c"], [FIRST]),
        (["3f9a1c", "latest", "local"], [FIRST, SECOND]),
        (["--status", "failed"], [SECOND]),
        ([], [SECOND, FIRST]),
    ],
)
def test_selections(bench: Bench, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    file = tmp_path / "runs.parquet"
    result = bench("archive", *words, "--parquet", str(file), "--json")
    assert json.loads(result.stdout) == {"written": {str(file): {"runs": len(expected)}}}
    assert pd.read_parquet(file)["run_id"].tolist() == expected


@pytest.mark.usefixtures("two_runs")
def test_samples_are_written_beside_the_runs(bench: Bench, tmp_path: Path) -> None:
    runs, samples = tmp_path / "runs.parquet", tmp_path / "samples.parquet"
    result = bench("archive", "--parquet", str(runs), "--samples", str(samples))
    assert result.stdout.splitlines() == [f"{runs}: 2 runs", f"{samples}: 135 samples"]
    assert set(pd.read_parquet(samples)["run_id"]) == {FIRST}


@pytest.mark.usefixtures("two_runs")
def test_wrong_requests_to_export(bench: Bench, tmp_path: Path, store_run: StoreRun) -> None:
    assert "say what to write" in str(bench("archive").exception)
    nothing = bench("archive", "--status", "unstable", "--to", str(tmp_path / "x.tar")).exception
    assert isinstance(nothing, UsageError)
    outside = bench(
        "archive",
        str(tmp_path / "store" / "orin" / "b1-seg" / SECOND),
        "--to",
        str(tmp_path / "x.tar"),
        "--store",
        str(tmp_path / "another"),
    ).exception
    assert isinstance(outside, UsageError)
    assert "is not in the store" in str(outside)
    assert not (tmp_path / "x.tar").exists()


@pytest.mark.usefixtures("two_runs")
def test_a_run_that_cannot_be_read_is_not_left_out_in_silence(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "store" / "orin" / "b1-seg" / SECOND / "record.json").unlink()
    for option in ("--parquet", "--samples"):
        error = bench("archive", option, str(tmp_path / "x.parquet")).exception
        assert isinstance(error, BrokenRunError)
        assert "--set-aside" in str(error)
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.usefixtures("two_runs")
def test_a_refused_run_is_said_and_the_exit_code_1(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "store" / "local" / "b1-seg" / FIRST / "evidence" / "worker.log"
    log.unlink()
    log.write_text("loaded in 0.1 s\n")
    result = bench("import", str(tmp_path / "store"), "--store", str(tmp_path / "there"))
    assert result.return_value == 1
    assert f"refused local/b1-seg/{FIRST}: its content is not what was stored" in result.stdout
    assert "1 run imported" in result.stdout
    document = json.loads(bench("import", str(tmp_path / "store"), "--store", str(tmp_path / "more"), "--json").stdout)
    assert (document["added"], list(document["refused"])) == ([f"orin/b1-seg/{SECOND}"], [f"local/b1-seg/{FIRST}"])


def test_a_hostile_archive_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"no tar at all")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "latency_bench.harness.cli.main",
            "results",
            "import",
            tmp_path / "x.tar",
            "--store",
            tmp_path / "there",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "x.tar" in done.stderr
    assert "Nothing was imported" in done.stderr
    assert not (tmp_path / "there").exists()


@pytest.mark.usefixtures("two_runs")
def test_verify_sets_aside_on_request(bench: Bench, tmp_path: Path) -> None:
    run = tmp_path / "store" / "local" / "b1-seg" / FIRST
    (run / "samples.parquet").unlink()
    only_looked = bench("verify")
    assert (only_looked.return_value, run.is_dir()) == (1, True)
    moved = bench("verify", "--set-aside")
    assert moved.return_value == 1
    assert f"{run}: moved to {tmp_path / 'store' / '.quarantine' / 'local' / 'b1-seg' / FIRST}" in moved.stdout
    after = bench("verify")
    assert after.return_value == 0
    assert "1 run checked" in after.stdout


def test_gc_says_what_it_would_do_and_then_does_it(
    bench: Bench, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_ENGINES", str(own_cache / "engines"))
    (own_cache / "index").mkdir(parents=True)
    for name, age_days in (("old", 40), ("new", 3)):
        file = own_cache / "index" / f"{name}.sqlite"
        file.write_bytes(bytes(2_000_000))
        moment = time.time() - age_days * 86400
        os.utime(file, (moment, moment))
    would = bench("gc", "--older-than", "30d", "--dry-run")
    assert would.stdout == "2 index files, 3.81 MiB: 1 would be removed, 1.91 MiB\n"
    assert len(list((own_cache / "index").iterdir())) == 2
    done = json.loads(bench("gc", "--older-than", "4w", "--json").stdout)
    assert ([one["name"] for one in done["removed"]], done["dry_run"]) == (["old"], False)
    assert [path.name for path in (own_cache / "index").iterdir()] == ["new.sqlite"]
    bench("gc", "--larger-than", "1MB")
    assert bench("gc", "--larger-than", "1MB").stdout == "nothing is cached\n"


def test_wrong_requests_to_gc(bench: Bench) -> None:
    assert "say what to remove" in str(bench("gc").exception)
    for words in (
        ["--older-than", "30"],
        ["--older-than", "-3d"],
        ["--larger-than", "3KB"],
        ["--larger-than", "1e9MB"],
    ):
        assert "write a whole number and one of" in str(bench("gc", *words).exception)
