from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from latency_bench.harness.cli.results import results
from latency_bench.harness.store.errors import StoreLocationError, UnknownRunError

StoreRun = Callable[..., Path]

FIRST, SECOND = "20261122T101500Z-3f9a1c", "20261122T101501Z-aaaaaa"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("BENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(results, arguments, standalone_mode=False)

    return invoke


Bench = Callable[..., Result]


def _lines(result: Result) -> list[str]:
    assert result.exception is None, result.exception
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_ls_lists_the_latest_first_one_line_each(bench: Bench, store_run: StoreRun) -> None:
    store_run(run_id=FIRST)
    store_run(run_id=SECOND, device="a-board-with-quite-a-long-name-" + "x" * 40, failed=True)
    lines = _lines(bench("ls"))
    assert lines[0] == "run when (UTC) device model runtime input latency ms interval n flags status"
    board = "a-board-with-quite-a-long-name-" + "x" * 40
    assert lines[1] == f"{SECOND} 2026-11-22 10:15 {board} b1-seg litert fp32 1024x2048 - - - 1 failed"
    assert lines[2] == f"{FIRST} 2026-11-22 10:15 local b1-seg litert fp32 1024x2048 249.1 [247.6, 250.3] 3 × 40 1 done"
    assert len(lines) == 3


def test_ls_filters_and_limits(bench: Bench, store_run: StoreRun) -> None:
    store_run(run_id=FIRST)
    store_run(run_id=SECOND, failed=True)
    assert len(_lines(bench("ls", "--status", "failed"))) == 2
    assert len(_lines(bench("ls", "--limit", "1"))) == 2
    nothing = bench("ls", "--device", "orin")
    assert nothing.stdout == ""
    assert "no runs that match in" in nothing.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--pairs", "--model", "b1-seg"), "--model is for a list of runs, not for --pairs"),
        (("--accuracy", "--sort", "latency"), "--sort is for a list of runs, not for --accuracy"),
        (("--pairs", "--columns", "model"), "--columns is for a list of runs"),
        (("--pairs", "--accuracy"), "one at a time"),
    ],
)
def test_ls_takes_no_option_that_it_would_not_follow(bench: Bench, words: tuple[str, ...], told: str) -> None:
    refused = bench("ls", *words).exception
    assert isinstance(refused, click.UsageError)
    assert told in refused.message


def test_ls_json(bench: Bench, store_run: StoreRun) -> None:
    store_run(run_id=FIRST)
    store_run(run_id=SECOND, failed=True)
    failed, done = json.loads(bench("ls", "--json").stdout)
    assert (failed["run_id"], failed["status"], failed["latency_ms"]) == (SECOND, "failed", None)
    assert done["latency_ms"] == {"median": 249.096794, "low": 247.596794, "high": 250.346794, "n": 120, "rounds": 3}
    assert Path(done["path"], "record.json").is_file()
    assert done["flags"] == ["foreign-load"]


def test_ls_of_no_store_is_empty_json(bench: Bench) -> None:
    assert json.loads(bench("ls", "--json").stdout) == []


def test_ls_mentions_runs_that_cannot_be_read_on_stderr(bench: Bench, store_run: StoreRun) -> None:
    (store_run() / "record.json").unlink()
    result = bench("ls", "--json")
    assert json.loads(result.stdout) == []
    assert "1 of the runs cannot be read" in result.stderr


def test_show_prints_a_result_worth_quoting(bench: Bench, store_run: StoreRun) -> None:
    path = store_run()
    lines = _lines(bench("show", FIRST))
    text = "\n".join(lines)
    assert lines[0] == "EfficientViT-B1, Cityscapes b1-seg, 1024x2048, batch 1, fp32"
    assert lines[1] == "on local, litert 2.1.2, 2 threads, protocol standard"
    for expected in (
        "latency 249.1 ms [247.6, 250.3] 95 % interval of the median, 3 rounds, 120 samples",
        "whole request, transfer included, median of the rounds' medians; interval from 3 rounds (t interval)",
        "host to device 3.271 ms [1.771, 4.521] 1.3 %",
        "percentiles p90 254.2 ms; p99 needs 542 more samples",
        "throughput 4.015 images/s (batch / median latency)",
        "fidelity passed: logits cosine 1.000000",
        "verdicts throttled: unknown, clocks locked: no",
        "! foreign-load: Another process used 40 % of a core.",
        "-> Stop it and measure again.",
        "virtualised virtual machine (KVM)",
        "memory total 46.6 GiB",
        "warmup min count 5",
        "bench commit c0ffee, with changes that are in no commit",
    ):
        assert expected in text
    assert "device to host" not in text
    assert f"stored in {path}" in text.replace("\n", "")
    assert lines[-1] == """command bench run --device local --model b1-seg --note 'it'"'"'s $HOME'"""


def test_show_of_a_failed_run_has_the_reason_and_no_number(bench: Bench, store_run: StoreRun) -> None:
    store_run(failed=True)
    text = "\n".join(_lines(bench("show")))
    assert "failed in measure (worker-died): the worker was killed (signal 9)" in text
    assert "Try a smaller --resolution." in text
    assert "latency" not in text
    assert "images/s" not in text


def test_show_of_an_unstable_run_says_so_before_the_number(bench: Bench, store_run: StoreRun) -> None:
    store_run(status="unstable")
    text = "\n".join(_lines(bench("show")))
    assert text.index("never settled") < text.index("249.1 ms")


def test_show_json_is_the_record_and_its_path(bench: Bench, store_run: StoreRun) -> None:
    path = store_run()
    shown = json.loads(bench("show", "3f9a1c", "--json").stdout)
    assert shown == {"path": str(path), **json.loads((path / "record.json").read_text())}


def test_text_of_a_device_moves_no_cursor_and_is_no_markup(bench: Bench, store_run: StoreRun) -> None:
    flag = {"name": "odd", "severity": "warning", "text": "\x1b[2J[red]gone[/red]\r\n\x07\u202e", "remedy": "\x9b31m"}
    store_run(flags=[flag], command=["bench", "\x1b]0;title\x07"], verdicts={"\x1b[1mx": "yes"})
    output = bench("show").stdout
    assert "[red]gone[/red]" in output
    assert all(letter.isprintable() or letter == "\n" for letter in output)


def test_verify(bench: Bench, store_run: StoreRun) -> None:
    path = store_run()
    good = bench("verify")
    assert good.return_value == 0
    assert "1 run checked" in good.stdout
    (path / "evidence" / "worker.log").unlink()
    bad = bench("verify")
    assert bad.return_value == 1
    assert "evidence/worker.log: the file is missing." in bad.stdout
    assert "1 found wrong" in bad.stdout
    assert bench("verify", FIRST).return_value == 1


def test_verify_json(bench: Bench, store_run: StoreRun) -> None:
    path = store_run()
    (path / "evidence" / "worker.log").unlink()
    document: dict[str, Any] = json.loads(bench("verify", "--json").stdout)
    assert document["runs"] == 1
    assert document["findings"][0]["path"] == str(path / "evidence" / "worker.log")
    assert set(document["findings"][0]) == {"path", "problem", "remedy", "is_damage"}


def test_wrong_requests(bench: Bench, store_run: StoreRun, tmp_path: Path) -> None:
    store_run()
    assert isinstance(bench("show", "20261122T101500Z-3f9a1d").exception, UnknownRunError)
    (tmp_path / "file").write_text("")
    assert isinstance(bench("ls", "--store", str(tmp_path / "file")).exception, StoreLocationError)


def test_an_unknown_run_is_one_line_and_exit_code_2(store_run: StoreRun, tmp_path: Path) -> None:
    store_run()
    command = [
        sys.executable,
        "-c",
        "from latency_bench.harness.cli.main import main; main()",
        "results",
        "show",
        "nothing",
    ]
    done = subprocess.run([*command, "--store", str(tmp_path / "store")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("bench: there is no run 'nothing' in ")
    assert len(done.stderr.splitlines()) == 1


def test_ls_shows_chosen_columns_with_units_and_intervals(bench: Bench, store_run: StoreRun) -> None:
    store_run(run_id=FIRST)
    store_run(run_id=SECOND, failed=True)
    lines = _lines(bench("ls", "--columns", "model,latency,peak_rss,file_size,macs,n,status"))
    assert lines[0] == "model latency, ms peak memory file size MACs an image rounds × requests status"
    assert lines[1] == "b1-seg - - 18.4 MiB 27.4 G - failed"
    assert lines[2] == "b1-seg 249.1 [247.6, 250.3] 774 MiB 18.4 MiB 27.4 G 3 × 40 done"


def test_ls_sorts_by_any_column_best_first_and_unknown_last(bench: Bench, store_run: StoreRun) -> None:
    for number, device in enumerate(("b", "c", "a")):
        store_run(run_id=f"20261122T10150{number}Z-3f9a1c", device=device, failed=device == "c")

    def devices(*options: str) -> list[str]:
        return [line.split()[0] for line in _lines(bench("ls", "--columns", "device,latency", *options))[1:]]

    assert devices() == ["a", "c", "b"]
    assert devices("--sort", "device") == ["a", "b", "c"]
    assert devices("--sort", "-device") == ["c", "b", "a"]
    assert devices("--sort", "latency")[-1] == devices("--sort", "-latency")[-1] == "c"
    assert devices("--sort", "device", "--limit", "1") == ["a"]


def test_ls_pools_the_runs_that_agree(bench: Bench, store_run: StoreRun) -> None:
    for number, device in enumerate(("b", "a", "b")):
        store_run(run_id=f"20261122T10150{number}Z-3f9a1c", device=device)
    lines = _lines(bench("ls", "--by", "device", "--columns", "samples,flags,run_id"))
    assert lines == [
        "device samples flags run runs",
        "b 240 foreign-load - 2",
        "a 120 foreign-load 20261122T101501Z-3f9a1c 1",
    ]
    rows = json.loads(bench("ls", "--by", "device", "--json").stdout)
    assert rows[0] == {"device": "b", "median_ms": 249.096794, "round_samples": [40] * 6, "runs": 2}


def test_ls_json_of_chosen_columns(bench: Bench, store_run: StoreRun) -> None:
    store_run(run_id=FIRST)
    (row,) = json.loads(bench("ls", "--json", "--columns", "when,energy,latency,seeded").stdout)
    assert row == {
        "started_at": "2026-11-22T10:15:00.000+00:00",
        "joules_per_image": None,
        "median_ms": 249.096794,
        "seeded": True,
    }


def test_ls_of_an_unknown_column_names_the_nearest(bench: Bench, store_run: StoreRun) -> None:
    store_run(run_id=FIRST)
    assert "nearest: latency" in str(bench("ls", "--columns", "latecy").exception)
    assert "there is no column called 'nothing at all'" in str(bench("ls", "--sort", "nothing at all").exception)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_ls_on_a_terminal_has_all_it_has_in_a_pipe(
    store_run: StoreRun, tmp_path: Path, width: int, on_terminal: Callable[..., str]
) -> None:
    store_run(run_id=FIRST, device="a-board-with-quite-a-long-name")
    text = on_terminal(width, "results", "ls", "--store", str(tmp_path / "store"))
    assert all(len(line) <= width for line in text.splitlines())
    joined = "".join(text.split())
    for word in ("3f9a1c", "a-board-with", "b1-seg", "1024x2048", "249.1", "[247.6,250.3]", "done"):
        assert word in joined
