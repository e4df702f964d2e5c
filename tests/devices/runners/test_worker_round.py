"""A worker's round as it was recorded, and everything that a link, another process or a hostile device makes of it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_worker.events import MARKER
from latency_bench.devices.device import Device
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import RoundResult
from latency_bench.devices.runners.worker_round import WorkerRound, most_samples
from latency_bench.harness.case import Case
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.recording import finished_record
from latency_bench.harness.run_data import Measured, Round
from latency_bench.harness.store.layout import new_run_id
from latency_bench.harness.store.outcome import FidelityRecord
from latency_bench.model_specs.catalog import load_spec

LINES = (Path(__file__).parent / "data" / "worker_round.txt").read_text().splitlines(keepends=True)
EVENTS = [index for index, line in enumerate(LINES) if line.startswith(MARKER)]
COUNTED = [index for index in EVENTS if '"event":"progress"' not in LINES[index]]
SAMPLES = [index for index in EVENTS if '"event":"samples"' in LINES[index]]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400) | st.just(-1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _hear(lines: list[str]) -> WorkerRound:
    heard = WorkerRound()
    for line in lines:
        heard.line(line)
    return heard


def _columns(heard: WorkerRound) -> list[Any]:
    stages = [heard.columns("warmup"), heard.columns("sampling")]
    return [[one.start_ns, one.latency_ns, *one.phases_ns.values()] for one in stages]


def _record(heard: WorkerRound) -> None:
    """Everything that is computed from a round before it is stored."""
    result = RoundResult(
        heard.columns("warmup"), heard.columns("sampling"), heard.hello, heard.loaded, heard.done, None, ""
    )
    case = Case(load_spec("b1-seg"), Device(name="local"), load_protocol("quick"), "onnxruntime", rounds=1, threads=1)
    now = datetime.now(timezone.utc)
    measured = Measured(case, new_run_id(), ("run",), now, fidelity=FidelityRecord(passed=True))
    measured.rounds.append(Round(0, 0, now, result))
    finished_record(measured)


RECORDED = _columns(_hear(LINES))


def _outcome(lines: list[str]) -> WorkerRound | None:
    """The round if it was accepted, and then with the recorded samples; None where it was refused as it has to be."""
    try:
        heard = _hear(lines)
    except WorkerError as error:
        if error.kind != "protocol":
            raise
        return None
    if not heard.is_done:
        return None
    for stage, recorded in zip(_columns(heard), RECORDED, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(stage, recorded, strict=True))
    return heard


def test_the_recorded_round_is_accepted():
    heard = _hear(["Welcome to the device\n", *LINES])
    assert heard.is_done
    assert len(heard.columns("sampling").latency_ns) == heard.done["count"]
    assert str(heard.printed) == "Welcome to the device\n\n"
    _record(heard)


@pytest.mark.parametrize("index", COUNTED)
def test_an_event_that_is_lost_or_doubled_fails_the_round(index):
    assert _outcome(LINES[:index] + LINES[index + 1 :]) is None
    assert _outcome(LINES[: index + 1] + LINES[index:]) is None


@given(order=st.permutations(COUNTED))
def test_events_in_another_order_fail_the_round(order):
    assert (_outcome([LINES[index] for index in order]) is None) == (order != COUNTED)


@given(data=st.data())
def test_characters_that_are_changed_never_change_a_sample(data):
    lines = list(LINES)
    index = data.draw(st.sampled_from(SAMPLES))
    position = data.draw(st.integers(len(MARKER), len(lines[index]) - 2))
    lines[index] = lines[index][:position] + data.draw(st.characters(codec="utf-8")) + lines[index][position + 1 :]
    _outcome(lines)


@given(value=st.floats() | st.booleans() | st.none() | st.text() | st.integers(max_value=-1), data=st.data())
def test_a_sample_is_a_whole_number_of_nanoseconds(value, data):
    lines = list(LINES)
    index = data.draw(st.sampled_from(SAMPLES))
    event = json.loads(lines[index][len(MARKER) :])
    column = event[data.draw(st.sampled_from([name for name in event if name.endswith("_ns")]))]
    column[data.draw(st.integers(0, len(column) - 1))] = value
    lines[index] = MARKER + json.dumps(event) + "\n"
    # 1.0 is 1, and is refused all the same: our worker sends no floats.
    assert _outcome(lines) is None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_field_changed_or_missing_is_refused_or_gives_a_record(data):
    lines = list(LINES)
    index = data.draw(st.sampled_from(COUNTED))
    event = json.loads(lines[index][len(MARKER) :])
    place = event
    while True:
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        place[key] = data.draw(JSON)
    else:
        del place[key]
    lines[index] = MARKER + json.dumps(event) + "\n"
    heard = _outcome(lines)
    if heard is not None:
        _record(heard)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"event":"hello","event":"hello"}',
        '{"event":"progress","stage":"warmup","count":1,"elapsed_ns":' + "9" * 10_000 + "}",
        '{"event":"progress","stage":"warmup","count":1e999,"elapsed_ns":1}',
        '{"event":["hello"]}',
        "null",
        "",
    ],
)
def test_lines_that_are_no_events_fail_the_round(line):
    assert _outcome([MARKER + line + "\n"]) is None


def test_a_device_that_prints_without_end_does_not_fill_the_memory():
    heard = WorkerRound()
    for _ in range(3000):
        heard.line("y" * 10_000 + "\n")
    heard.line("z" * (5 << 20))
    assert len(str(heard.printed)) <= 1 << 20


@pytest.mark.parametrize("stage", ["warmup", "sampling"])
def test_a_device_that_sends_samples_without_end_is_stopped_at_what_was_asked_for(stage: str) -> None:
    """Each line is a row of its own, as it may come from anybody; `first` numbers them."""
    warmup = {"min_count": 2, "max_count": 5, "min_ns": 10_000}
    sampling = {"min_count": 10, "max_count": 40}
    most = most_samples(warmup, sampling)
    assert most == {"warmup": 18, "sampling": 40}
    heard = WorkerRound(most)
    for line in LINES[: SAMPLES[0]]:
        heard.line(line)
    row = {"start_ns": [1], "latency_ns": [1], "h2d_ns": [0], "compute_ns": [1], "d2h_ns": [0]}
    lines = [
        MARKER + json.dumps({"event": "samples", "stage": stage, "first": first, **row}) + "\n"
        for first in range(most[stage] + 1)
    ]
    for line in lines[:-1]:
        heard.line(line)
    with pytest.raises(WorkerError, match=f"more than {most[stage]} samples of the {stage}, which is all"):
        heard.line(lines[-1])
