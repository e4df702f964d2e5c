"""An alternation as it was told by a device, and what a link, another process or a hostile device makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_worker import start
from bench_worker.events import MARKER
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.alternation import Turns
from latency_bench.devices.runners.worker_alternation import WorkerAlternation
from latency_bench.devices.runners.worker_round import most_samples

LIMITS = {"min_count": 2, "max_count": 1000, "min_ns": 0, "max_ns": 10**9}
TURNS = Turns(
    (2, 3), seed=1, start_order=(0, 1), load_together=True, settling_blocks=2, min_blocks=6, min_s=0.0, max_s=60.0
)
MOST = most_samples(warmup=LIMITS, sampling=LIMITS)
Document = dict[str, Any]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    """What two real workers told of themselves."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("alternation")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    tensors = [helper.make_tensor_value_info(name, floats, [1, 3, 8, 8]) for name in ("image", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "tiny", tensors[:1], tensors[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "m.onnx")
    for number in (0, 1):
        job = {
            "version": 1,
            "runtime": "onnxruntime",
            "runtime_options": {"threads": 1},
            "artifact": "m.onnx",
            "inputs": [{"name": "image", "shape": [1, 3, 8, 8]}],
            "write_outputs": f"o{number}.npz",
            "warmup": {**LIMITS, "window": 0},
            "sampling": LIMITS,
            "on_command": True,
        }
        (folder / f"side{number}.json").write_text(json.dumps(job))
    turns = {"requests": [2, 3], "seed": 1, "settling_blocks": 2, "min_blocks": 6, "min_ns": 0, "max_ns": 6 * 10**10}
    sides = [{"job": f"side{number}.json"} for number in (0, 1)]
    document = {"version": 1, "sides": sides, "start_order": [0, 1], "load_together": True, "turns": turns}
    (folder / "job.json").write_text(json.dumps(document))
    command = [sys.executable, str(Path(str(start.__file__))), "--alternate", str(folder / "job.json")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return [json.loads(line[len(MARKER) :]) for line in done.stdout.splitlines() if line.startswith(MARKER)]


def _hear(events: list[Document]) -> WorkerAlternation:
    heard = WorkerAlternation([MOST, MOST], TURNS, lambda _: None)
    heard.line("a login banner\n")
    for event in events:
        heard.line(MARKER + json.dumps(event) + "\n")
    return heard


def test_what_was_told_is_what_was_asked_for(events: list[Document]) -> None:
    heard = _hear(events)
    block, side, count = heard.bursts()
    assert block.tolist() == [number for number in range(8) for _ in range(2)]
    assert np.array_equal(count, np.array([2, 3])[side])
    assert [one.columns("sampling").latency_ns.size for one in heard.rounds] == [16, 24]
    assert str(heard.printed) == "a login banner\n"


def _of(name: str, **changes: Any) -> Callable[[list[Document]], None]:
    """Changes fields of the first event of a name."""

    def change(events: list[Document]) -> None:
        next(event for event in events if event["event"] == name).update(changes)

    return change


def _swap_two_bursts(events: list[Document]) -> None:
    side = next(event for event in events if event["event"] == "bursts")["side"]
    side[4], side[5] = side[5], side[4]


def _leave_out(name: str) -> Callable[[list[Document]], None]:
    def change(events: list[Document]) -> None:
        events.remove(next(event for event in events if event["event"] == name))

    return change


def _longer_burst(events: list[Document]) -> None:
    next(event for event in events if event["event"] == "bursts")["count"][3] += 1


def _twice(events: list[Document]) -> None:
    events.append(dict(events[-1]))


@pytest.mark.parametrize(
    "change",
    [
        _of("hello", side=2),
        _of("hello", side=True),
        _of("ready", latency_ns=-1),
        _of("ready", more=1),
        _of("done", side=0),
        _of("bursts", first=1),
        _of("bursts", side=[0]),
        _of("alternated", blocks=7),
        _of("alternated", idle_processor_ns=[1]),
        _of("alternated", elapsed_ns=0),
        _swap_two_bursts,
        _longer_burst,
        _leave_out("bursts"),
        _leave_out("done"),
        _leave_out("samples"),
        _twice,
    ],
)
def test_what_does_not_fit_together_is_refused(
    events: list[Document], change: Callable[[list[Document]], None]
) -> None:
    """Two requests at once are seen by the clock that both sides share: swapped bursts would be such."""
    told = json.loads(json.dumps(events))
    change(told)
    with pytest.raises(WorkerError) as refused:
        _hear(told)
    assert refused.value.kind == "protocol"


def test_a_device_that_sends_samples_without_end_is_stopped_at_what_was_asked_for(events: list[Document]) -> None:
    told = [event for event in events if event.get("side") == 0 and event["event"] in ("hello", "loaded", "outputs")]
    samples = next(event for event in events if event["event"] == "samples" and event["stage"] == "sampling")
    row = {name: value[:1] for name, value in samples.items() if isinstance(value, list)}
    more = [{**samples, **row, "side": 0, "first": first} for first in range(MOST["sampling"] + 1)]
    _hear([*told, *more[:-1]])
    with pytest.raises(WorkerError, match="more than 1000 samples of the sampling"):
        _hear([*told, *more])


def test_a_device_that_sends_bursts_without_end_is_stopped_at_one_a_request(events: list[Document]) -> None:
    more: list[Document] = [
        {"event": "bursts", "first": first, "block": [first // 2], "side": [first % 2], "count": [1]}
        for first in range(2 * MOST["sampling"] + 1)
    ]
    _hear(more[:-1])
    with pytest.raises(WorkerError, match="more than 2000 bursts"):
        _hear(more)
