"""Live workers that take turns, as real processes with real runtimes."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from bench_worker.alternation.order import block_orders
from bench_worker.commands import Command, read_command
from bench_worker.events import parse_event
from bench_worker.failure import WorkerError

Document = dict[str, Any]
TURNS = {"requests": [3, 2], "seed": 5, "settling_blocks": 2, "min_blocks": 8, "min_ns": 0, "max_ns": 60_000_000_000}
LIMITS = {"min_count": 1, "max_count": 100_000, "min_ns": 0, "max_ns": 60_000_000_000}


@pytest.fixture
def start(tmp_path: Path, worker_program: str) -> Iterable[Callable[..., subprocess.Popen[str]]]:
    """Start an alternation of worker jobs; what is still alive at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(jobs: list[Document], turns: Document = TURNS, **changes: Any) -> subprocess.Popen[str]:
        sides = []
        for index, job in enumerate(jobs):
            (tmp_path / f"side{index}.json").write_text(json.dumps(job), encoding="utf-8")
            sides.append({"job": f"side{index}.json"})
        document = {"version": 1, "sides": sides, "start_order": [1, 0], "turns": turns, **changes}
        (tmp_path / "alternation.json").write_text(json.dumps(document), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, worker_program, "--alternate", str(tmp_path / "alternation.json")],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def job_for(request_for: Callable[..., Document]) -> Callable[..., Document]:
    def make(runtime: str, artifact: Path, number: int = 0, **changes: Any) -> Document:
        asked = {"on_command": True, "die_with_parent": True, "sampling": LIMITS, "write_outputs": f"out{number}.npz"}
        return request_for(runtime, artifact, **{**asked, **changes})

    return make


def _events(process: subprocess.Popen[str]) -> list[Document]:
    stdout, stderr = process.communicate(timeout=240)
    found = [event for event in map(parse_event, stdout.splitlines()) if event is not None]
    assert found, stderr[-2000:]
    return found


def _rows(events: list[Document], side: int) -> list[tuple[int, int]]:
    """Absolute begin and end of every request on command, in order."""
    origin_ns = next(one for one in events if one["event"] == "hello" and one["side"] == side)["clock"]["origin_ns"]
    rows = []
    for one in events:
        if one["event"] == "samples" and one["side"] == side and one["stage"] == "sampling":
            starts = [origin_ns + start_ns for start_ns in one["start_ns"]]
            rows += [(start, start + latency) for start, latency in zip(starts, one["latency_ns"], strict=True)]
    return rows


def test_two_runtimes_take_turns_with_exactly_one_request_in_flight(start, job_for, onnx_artifact, tflite_artifact):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("ai_edge_litert")
    channel_last = [{"name": "image", "shape": [1, 3, 16, 24], "layout": "NHWC", "seed": 3}]
    events = _events(
        start([job_for("onnxruntime", onnx_artifact), job_for("litert", tflite_artifact, 1, inputs=channel_last)])
    )
    assert events[-1]["event"] == "alternated", events[-1]
    assert (events[-1]["blocks"], events[-1]["stopped_by"]) == (8, "floors")
    bursts = [one for one in events if one["event"] == "bursts"]
    order = [row for one in bursts for row in zip(one["block"], one["side"], one["count"], strict=True)]
    assert [block for block, _, _ in order] == [block for block in range(10) for _ in range(2)]
    assert Counter((side, count) for _, side, count in order) == {(0, 3): 10, (1, 2): 10}

    rows = [_rows(events, side) for side in (0, 1)]
    assert [len(each) for each in rows] == [30, 20]
    places = [0, 0]
    in_order = []
    for _, side, count in order:
        in_order += rows[side][places[side] : places[side] + count]
        places[side] += count
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(in_order))
    for side in (0, 1):
        named = [one["event"] for one in events if one.get("side") == side]
        assert named[:3] == ["hello", "loaded", "outputs"]
        assert named[-1] == "done"
    assert [one["side"] for one in events if one["event"] == "hello"] == [1, 0], "started in the order asked for"
    assert [one["side"] for one in events if one["event"] == "done"] == [0, 1], "and ended in the reverse of it"


@pytest.mark.parametrize("together", [True, False])
def test_sides_load_together_or_one_after_the_other_and_warm_up_one_after_the_other(
    start, job_for, onnx_artifact, together
):
    pytest.importorskip("onnxruntime")
    jobs = [job_for("onnxruntime", onnx_artifact, number) for number in (0, 1)]
    events = _events(start(jobs, load_together=together))
    assert events[-1]["event"] == "alternated", events[-1]
    order = [(one["event"], one["side"]) for one in events if one["event"] in ("hello", "outputs", "ready")]
    first, second = ([(name, side) for name in ("hello", "outputs", "ready")] for side in (1, 0))
    assert order == ([*first[:2], *second[:2], first[2], second[2]] if together else [*first, *second])
    # `hello` tells of an instant just after the process began.
    began_ns = {one["side"]: one["clock"]["origin_ns"] for one in events if one["event"] == "hello"}
    warmups = {one["side"]: one["start_ns"] for one in events if one["event"] == "samples" and one["stage"] == "warmup"}
    warmed_up_ns = began_ns[1] + warmups[1][-1]
    assert warmed_up_ns < began_ns[0] + warmups[0][1], "the second warms up after the first, but for its first request"
    assert together or warmed_up_ns < began_ns[0]


def test_the_size_of_the_bursts_may_follow_from_their_length(start, job_for, onnx_artifact):
    pytest.importorskip("onnxruntime")
    asked = {name: value for name, value in TURNS.items() if name != "requests"}
    jobs = [job_for("onnxruntime", onnx_artifact, number) for number in (0, 1)]
    for burst_ns, count in ((1, 2), (10_000_000_000, 64)):
        events = _events(start(jobs, {**asked, "burst_ns": burst_ns}))
        assert {count for one in events if one["event"] == "bursts" for count in one["count"]} == {count}
        assert all(one["latency_ns"] > 0 for one in events if one["event"] == "ready")


def test_each_of_two_comes_before_the_other_once_in_every_two_blocks() -> None:
    orders = list(itertools.islice(block_orders(2, seed=3), 200))
    assert all(sorted(pair) == [[0, 1], [1, 0]] for pair in zip(orders[::2], orders[1::2], strict=True))
    assert orders == list(itertools.islice(block_orders(2, seed=3), 200))
    assert orders != list(itertools.islice(block_orders(2, seed=4), 200))
    of_three = Counter(tuple(order) for order in itertools.islice(block_orders(3, seed=3), 600))
    assert len(of_three) == 6


def test_a_side_that_fails_is_named_and_ends_the_others(start, job_for, onnx_artifact, tmp_path):
    pytest.importorskip("onnxruntime")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model at all")
    process = start([job_for("onnxruntime", broken), job_for("onnxruntime", onnx_artifact, 1)])
    events = _events(process)
    assert process.returncode == 1
    assert [one["event"] for one in events[-2:]] == ["failed", "error"]
    assert events[-2]["side"] == 0
    assert events[-1]["kind"] == "bad-artifact"
    assert "broken.onnx" in events[-1]["message"]
    assert not [one for one in events if one["event"] == "done"]


def _first(process: subprocess.Popen[str], name: str, side: int) -> Document:
    assert process.stdout is not None
    for line in process.stdout:
        event = parse_event(line)
        if event is not None and event["event"] == name and event.get("side") == side:
            return event
    raise AssertionError(f"no {name}: {process.communicate()[1][-1000:]}")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_workers_end_with_the_alternation(start, job_for, onnx_artifact, number):
    pytest.importorskip("onnxruntime")
    long = {**TURNS, "min_ns": 50_000_000_000}
    process = start([job_for("onnxruntime", onnx_artifact), job_for("onnxruntime", onnx_artifact, 1)], long)
    pids = [_first(process, "hello", side)["pid"] for side in (1, 0)]
    _first(process, "outputs", 0)
    process.send_signal(number)
    deadline_s = time.monotonic() + 120
    while any(map(_runs, pids)) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not any(map(_runs, pids))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_worker_that_is_killed_meanwhile_is_told_from_one_that_ended(start, job_for, onnx_artifact):
    pytest.importorskip("onnxruntime")
    long = {**TURNS, "min_ns": 50_000_000_000}
    process = start([job_for("onnxruntime", onnx_artifact), job_for("onnxruntime", onnx_artifact, 1)], long)
    pid = _first(process, "hello", 0)["pid"]
    os.kill(pid, signal.SIGKILL)
    events = _events(process)
    assert [(one["event"], one.get("side"), one.get("kind")) for one in events[-2:]] == [
        ("failed", 0, None),
        ("error", None, "out-of-memory"),
    ]


def test_a_worker_on_command_ends_with_its_stdin(start_worker, request_for, onnx_artifact):
    """The end of stdin is the end of its host: what was measured until then is told."""
    pytest.importorskip("onnxruntime")
    process = start_worker(request_for("onnxruntime", onnx_artifact, on_command=True, sampling=LIMITS))
    stdout, stderr = process.communicate(timeout=120)
    events = [event for event in map(parse_event, stdout.splitlines()) if event is not None]
    assert events[-1]["event"] == "done", stderr[-1000:]
    assert (events[-1]["count"], events[-1]["stopped_by"]) == (0, "told_to_end")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"run 3\n", "one line of JSON"),
        (b'{"run": 0}\n', "command.run"),
        (b'{"run": "3"}\n', "command.run"),
        (b'{"run": 3, "end": true}\n', "command.run"),
        (b'{"run": 3, "warm_up": true}\n', "command.run"),
        (b'{"warm_up": 1}\n', "command.warm_up"),
        (b"{}\n", "command.run"),
        (b'{"run": 3, "until": 4}\n', "command.until"),
        (b'{"run": ' + b" " * 2000 + b"3}\n", "one line of JSON"),
    ],
)
def test_a_command_that_is_none_is_refused(line: bytes, message: str) -> None:
    with pytest.raises(WorkerError, match=message):
        read_command(io.BytesIO(line))


def test_commands() -> None:
    stream = io.BytesIO(b'\n{"warm_up": true}\n{"run": 3}\n\n{"end": true}\n')
    read = [read_command(stream) for _ in range(4)]
    assert read == [Command(0, warm_up=True), Command(3), Command(0), None]


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (b'{"run": 3}\n', "told to warm up before"),
        (b'{"end": true}\n', "told to warm up before"),
        (b'{"warm_up": true}\n{"warm_up": true}\n', "warms up once"),
    ],
)
def test_a_worker_on_command_warms_up_once_and_first(
    start_worker, request_for, onnx_artifact, tmp_path, commands, message
):
    pytest.importorskip("onnxruntime")
    (tmp_path / "commands").write_bytes(commands)
    job = request_for("onnxruntime", onnx_artifact, on_command=True, sampling=LIMITS)
    with (tmp_path / "commands").open("rb") as stdin:
        process = start_worker(job, stdin=stdin)
    stdout, stderr = process.communicate(timeout=120)
    events = [event for event in map(parse_event, stdout.splitlines()) if event is not None]
    assert (events[-1]["event"], events[-1].get("kind")) == ("error", "bad-request"), stderr[-1000:]
    assert message in events[-1]["message"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requests": [1]}, "1 bursts for 2 sides"),
        ({"requests": [1, 0]}, "turns.requests"),
        ({"min_ns": 70_000_000_000}, "turns.min_ns"),
        ({"surprise": 1}, "turns.surprise"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_starts(start, job_for, onnx_artifact, changes, message):
    process = start([job_for("onnxruntime", onnx_artifact)] * 2, {**TURNS, **changes})
    events = _events(process)
    assert process.returncode == 2
    assert [one["event"] for one in events] == ["error"]
    assert message in events[0]["message"]
