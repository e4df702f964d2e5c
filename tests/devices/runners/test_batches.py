"""Inputs that are made while the device computes: each request has its own outputs, in order, little lies on the disk
at a time, and however it ends nothing goes on."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_worker import batches as worker_batches
from bench_worker.batches import _parse
from bench_worker.failure import WorkerError as WorkerFailure
from bench_worker.job import InputTensor
from bench_worker.outputs import save_named
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import Deployment, Runner
from latency_bench.devices.runners.batch import Arrays, Batch
from latency_bench.devices.runners.worker import WorkerRunner
from latency_bench.devices.runners.worker_batches import FedBatches, _read
from latency_bench.devices.runners.worker_events import Answered
from latency_bench.devices.transports.local import LocalTransport
from latency_bench.harness.errors import UsageError

SIZES = [2, 0, 1, 4, 3, 1, 2]
PATIENCE_S = 300

Answer = Callable[..., None]


@pytest.fixture
def transport() -> Iterator[LocalTransport]:
    transport = LocalTransport()
    yield transport
    transport.close()


@pytest.fixture
def answer(transport: LocalTransport, echo_network: Any) -> Answer:
    """answer(batches, on_answers): by one worker that goes on from batch to batch."""
    runner = WorkerRunner()
    deployment = runner.deploy(transport, echo_network.path, echo_network.sha256)

    def run(batches: Iterator[Batch], on_answers: Callable[[Iterator[Arrays]], None]) -> None:
        runner.answer(transport, deployment, echo_network.job, batches, on_answers)

    return run


def files_of_inputs() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"bench-{os.getuid()}-{os.getpid()}-*/batches-*/*.npy"))


def is_tidy() -> bool:
    return not files_of_inputs() and not [one for one in threading.enumerate() if one.name == "batches"]


def test_one_process_answers_all_while_the_next_are_made(answer: Answer, echo_network: Any) -> None:
    made, many_made = 0, threading.Event()
    answers: list[list[Arrays]] = []
    most_files = 0

    def batches() -> Iterator[Batch]:
        nonlocal made
        for batch in echo_network.batches(SIZES):
            yield batch
            made += 1
            if made >= 3:
                many_made.set()

    def take(given: Iterator[Arrays]) -> None:
        nonlocal most_files
        assert many_made.wait(PATIENCE_S), "while the first one is looked at, the next ones are made"
        most_files = max(most_files, len(files_of_inputs()))
        answers.append(list(given))

    answer(batches(), take)
    echo_network.check(SIZES, answers)
    # Three batches that are not answered and the one that is being written, each with a file for each of two inputs.
    assert 0 < most_files <= 2 * 5
    assert is_tidy()


def test_a_runner_that_knows_only_of_rounds_answers_too(transport: LocalTransport, echo_network: Any) -> None:
    runner, answers = WorkerRunner(), list[list[Arrays]]()
    deployment = runner.deploy(transport, echo_network.path, echo_network.sha256)
    sizes = [1, 0, 4]
    Runner.answer(
        runner,
        transport,
        deployment,
        echo_network.job,
        echo_network.batches(sizes),
        lambda given: answers.append(list(given)),
    )
    echo_network.check(sizes, answers)


@pytest.mark.parametrize("ended_by", ["images", "answers"])
def test_what_ends_it_early_comes_out_and_nothing_goes_on(answer: Answer, echo_network: Any, ended_by: str) -> None:
    """An error while images are made ready, and Ctrl-C while answers are looked at."""

    def batches() -> Iterator[Batch]:
        for number, batch in enumerate(echo_network.batches([1] * 50)):
            if ended_by == "images" and number == 5:
                raise UsageError("no more")
            yield batch

    def take(given: Iterator[Arrays]) -> None:
        if ended_by == "answers":
            raise KeyboardInterrupt
        list(given)

    with pytest.raises(UsageError if ended_by == "images" else KeyboardInterrupt):
        answer(batches(), take)
    assert is_tidy()


def test_a_worker_that_fails_says_so(answer: Answer, echo_network: Any) -> None:
    """Its own words, although more batches wait for their turn."""

    def batches() -> Iterator[Batch]:
        for batch in echo_network.batches([1] * 10):
            yield Batch(batch.inputs, tuple({**one, "image": one["image"][..., :2]} for one in batch.requests))

    with pytest.raises(WorkerError, match=r"input image: its values are float32 of shape \[1, 3, 4, 2\]"):
        answer(batches(), list)
    assert is_tidy()


def test_another_file_than_the_deployed_one_is_not_scored(transport: LocalTransport, echo_network: Any) -> None:
    runner = WorkerRunner()
    deployment = Deployment(str(echo_network.path), "0" * 64)
    taken: list[Any] = []
    with pytest.raises(WorkerError, match="was changed after it was brought there"):
        runner.answer(transport, deployment, echo_network.job, echo_network.batches([1]), taken.append)
    assert not taken


@pytest.mark.parametrize(
    ("batch", "path", "content"),
    [(1, "", {}), (0, "/etc/passwd", {}), (0, "", {"1 twice": 0}), (0, "", {"twice": 0}), (0, "", {})],
)
def test_answers_that_are_none_are_refused(
    transport: LocalTransport, echo_network: Any, tmp_path: Path, batch: int, path: str, content: dict[str, Any]
) -> None:
    """Of a batch of one request: another number, another file, outputs of no request of it, and none."""
    outputs = Path(transport.workdir) / "answers-0.npz"
    np.savez(outputs, **content)
    sha256 = hashlib.sha256(outputs.read_bytes()).hexdigest()
    made = threading.Event()

    def batches() -> Iterator[Batch]:
        yield from echo_network.batches([1])
        made.set()

    with FedBatches(transport, batches(), tmp_path) as fed:
        assert made.wait(PATIENCE_S)
        event = Answered(event="answered", batch=batch, path=path or str(outputs), sha256=sha256)
        with pytest.raises(WorkerError) as refused, fed.answers(event) as answers:
            list(answers)
    assert refused.value.kind == "protocol"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"requests": [[0, 1]]}, "a place for each of the 1 inputs"),
        ({"requests": [[-1]]}, "an integer of at least 0"),
        ({"requests": [[]]}, "a list that is not empty"),
        ({"requests": [0]}, "a list that is not empty"),
        ({"more": 1}, "batch.more: unknown field"),
        ({"end": True}, "unknown field"),
        ({"inputs": [{"name": "x"}]}, r"batch.inputs\[0\].shape: missing"),
    ],
)
def test_a_batch_that_is_none_is_refused_by_its_field(changes: dict[str, Any], words: str) -> None:
    batch = {"inputs": [{"name": "x", "shape": [1]}], "requests": [[None], [0]], "write_outputs": "a.npz", **changes}
    with pytest.raises(WorkerFailure, match=words):
        _parse(batch, "/jobs")


def test_small_outputs_are_written_together_and_come_back_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their order, sizes and names, and however few of them there is room for."""
    random = np.random.RandomState(0)
    given: list[dict[str, np.ndarray]] = []
    for number in range(40):
        size = 300 if number % 11 == 5 else 3 if number < 25 else 4
        one = {"scores": random.standard_normal((1, size)).astype(np.float32), "count": np.array(number)}
        one |= {"boxes": random.randint(0, 9, (number % 3, 6))} if number % 4 else {}
        given.append(one)
    tensor = InputTensor("image", (1, 2), "float32", "NCHW", "normal", 0.0, 1.0, 0)
    batch = worker_batches.Batch((tensor,), ((None,),) * len(given), "")
    entries = []
    for room_bytes in (0, 1000, 1 << 20):
        monkeypatch.setattr(worker_batches, "_TOGETHER_BYTES", room_bytes)
        coming, used_again = iter(given), np.empty((1, 3), np.float32)

        def compute(arrays: Iterator[np.ndarray], coming: Any = coming, used: np.ndarray = used_again) -> Any:
            one = next(coming)
            if one["scores"].shape != used.shape:
                return one
            used[...] = one["scores"]
            return {**one, "scores": used}

        file = tmp_path / f"{room_bytes}.npz"
        save_named(str(file), worker_batches._answers(batch, ["image"], compute))
        with np.load(file) as stored:
            entries.append(len(stored.files))
        for expected, found in zip(given, _read(file, len(given)), strict=True):
            assert expected.keys() == found.keys()
            for name, array in expected.items():
                np.testing.assert_array_equal(found[name], array, strict=True)
    assert entries[0] == sum(map(len, given))
    assert entries[0] > entries[1] > entries[2]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"0-2 y": 3}, r"an output '0-2 y' of 2 requests"),
        ({"1-0 y": 2}, r"an output '1-0 y' of 2 requests"),
        ({"0-1 y": 1}, r"an output '0-1 y' with fewer rows"),
        ({"0-1-1 y": 2}, r"an output '0-1-1 y' of 2 requests"),
        ({"- y": 2}, r"an output '- y' of 2 requests"),
        ({"0-0 y": 1}, "no outputs of request 1 of 2"),
    ],
)
def test_outputs_together_that_are_not_those_asked_for_are_refused(
    tmp_path: Path, names: dict[str, int], told: str
) -> None:
    save_named(str(tmp_path / "answers.npz"), ((name, np.zeros((rows, 3))) for name, rows in names.items()))
    with pytest.raises(WorkerError, match=told):
        list(_read(tmp_path / "answers.npz", 2))
