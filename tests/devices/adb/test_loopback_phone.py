"""`bench run` on a phone whose sensors, clocks, services, tools and delegates are set by the test."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from phone_runs import PROTOCOL, records

GPU = ("--runtime", "litert-gpu")
ALLOWED = ("--runtime-option", "allow_partial=true")
FIXED_TIME = PROTOCOL.replace("max_s: 20, relative_interval: 0.5", "max_s: 40, relative_interval: null").replace(
    "min_count: 6, max_count: 8, min_s: 0.0", "min_count: 1, max_count: 100000, min_s: 40.0"
)


def flags_of(record: dict) -> set[str]:
    return {flag["name"] for flag in record["flags"]}


def test_a_delegate_that_takes_all_beside_noise_of_the_linker_and_windows_line_ends(
    tmp_path, write_phone, run_phone, make_tool, bench
):
    write_phone(make_tool("linker,crlf,all"))
    done = run_phone(*GPU)
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path)
    assert record["runtime"]["facts"]["delegation"] == {
        "delegate": "GPU",
        "full": True,
        "partitions": 1,
        "nodes": 366,
        "delegated": 366,
        "backend": "OpenCL",
    }
    assert "partly_delegated" not in flags_of(record)
    assert record["verdicts"]["throttled"] in ("no", "unknown")
    android = record["device"]["fingerprint"]["android"]
    assert (android["soc_name"], android["thermal_zones_not_used"]) == ("Snapdragon 8 Gen 1", ["socd"])
    assert record["rounds"][0]["facts"]["cpus"] == [7], "the prime core"
    columns = "delegate,delegate_backend,delegated_nodes,graph_nodes,delegate_partitions"
    (row,) = bench("results", "ls", "--columns", columns, "--json").json()
    assert [row[name] for name in columns.split(",")] == ["GPU", "OpenCL", 366, 366, 1]


def test_a_part_is_refused_unless_it_is_allowed_and_then_it_is_marked(tmp_path, write_phone, run_phone, make_tool):
    write_phone(make_tool("half"))
    assert run_phone(*GPU).returncode == 1
    done = run_phone(*GPU, *ALLOWED)
    assert done.returncode == 0, done.stderr
    refused, marked = sorted(records(tmp_path), key=lambda record: record["status"] == "done")
    assert "only a part of the model runs in the GPU delegate (183 of 366 nodes" in refused["failure"]["message"]
    assert "partly_delegated" in flags_of(marked)
    assert "183 of 366 nodes in 3 partitions" in " ".join(done.stdout.split())


def test_a_delegate_that_takes_nothing_is_no_number_whatever_is_allowed(tmp_path, write_phone, run_phone, make_tool):
    write_phone(make_tool("nothing"))
    done = run_phone(*GPU, *ALLOWED)
    assert done.returncode == 1
    (record,) = records(tmp_path)
    assert (record["status"], record["summary"]) == ("failed", None)
    assert "took no part of the model" in record["failure"]["message"]


def test_the_papers_setting_on_a_phone_whose_state_was_forced(
    tmp_path, write_phone, run_phone, make_tool, loopback_phone
):
    loopback_phone.set(status_forced=True, status=0)
    loopback_phone.set_online("0-6")
    write_phone(make_tool("replay"), threads=4)
    assert run_phone("--setting", "paper").returncode == 0
    (record,) = records(tmp_path)
    assert {"paper_setting", "thermal_status_overridden", "cores_offline"} <= flags_of(record)
    assert record["verdicts"]["throttled"] != "no", "a status that a tool has set proves nothing"
    assert record["runtime"]["options"]["threads"] == 1
    (said,) = (flag["text"] for flag in record["flags"] if flag["name"] == "paper_setting")
    assert "SM8450" in said
    assert "core 6" in said, "the fastest that is online"


@pytest.mark.slow
def test_sustained_use_of_a_prime_core_that_slows_down_in_the_middle(
    tmp_path, write_phone, run_phone, make_tool, loopback_phone, bench
):
    """The phone is hot at first: it is waited for. Then its prime core alone falls by 16 %, and the latency rises."""
    write_phone(make_tool("throttle"))
    (tmp_path / "short.yaml").write_text(FIXED_TIME + "cool_down: {max_s: 120}\n")
    loopback_phone.set_temperature("cpu-1-6", 71)
    loopback_phone.set_temperature("battery", 55)

    def cool() -> None:
        time.sleep(5)
        loopback_phone.set_temperature("cpu-1-6", 38)

    threading.Thread(target=cool, daemon=True).start()
    done = run_phone()
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path)
    cooled = record["rounds"][0]["facts"]["cool_down"]
    assert (cooled["reached"], cooled["temperature_c"], cooled["below_c"]) == (True, 38.0, 40.0)
    assert cooled["waited_s"] > 0
    assert record["verdicts"]["throttled"] == "yes"
    assert "throttled" in flags_of(record)
    sustained = record["summary"]["sustained"]
    assert sustained["end_ms"] / sustained["start_ms"] == pytest.approx(1.25, rel=0.01)
    assert sustained["is_steady"] is True
    assert 0 < sustained["slower_after_s"] < sustained["length_s"]
    assert 0 < sustained["clock_fell_after_s"] < sustained["length_s"]
    assert "slower after" in done.stdout
    drawn = bench("plot", "timeline", "--run", "latest", "--to", "sustained.svg")
    assert drawn.returncode == 0, drawn.stderr
    picture = (tmp_path / "sustained.svg").read_text()
    for words in ("slower after", "clock fell after", "temperature", "clock"):
        assert words in picture


@pytest.mark.parametrize("missing", ["setsid", "sha256sum"])
def test_an_android_6_without_a_program_is_said_to_be_too_old(
    tmp_path: Path, start_phone, loopback_phone, write_phone_at, run_phone, make_tool, missing
):
    daemon = start_phone(loopback_phone.without(missing))
    write_phone_at(daemon.port, make_tool("replay"))
    done = run_phone()
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert "its Android is too old" in said
    assert f"its shell has no {missing}" in said
    assert "free space" not in said


def test_an_android_6_without_terminals_to_choose_is_said_to_be_too_old(
    fake, phone, write_phone_at, run_phone, make_tool
):
    write_phone_at(fake(False, old=True), make_tool("replay"))
    done = run_phone()
    assert done.returncode == 1
    assert "is too old: its shell does not report exit codes" in " ".join((done.stdout + done.stderr).split())
