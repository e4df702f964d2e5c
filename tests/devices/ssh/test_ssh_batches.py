"""Images scored over SSH: brought while the device computes, and gone from it afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latency_bench.devices.runners.batch import Arrays
from latency_bench.devices.runners.worker import WorkerRunner
from latency_bench.devices.transports.ssh import SshTransport


@pytest.fixture
def transport(server: Any) -> Iterator[SshTransport]:
    transport = SshTransport(server.options())
    yield transport
    transport.close()
    server.wait_until_tidy()


def arrays_in(store: Path) -> int:
    """Files of values in the device's store, which changes meanwhile."""
    count = 0
    for path in store.iterdir():
        try:
            with path.open("rb") as file:
                count += file.read(6) == b"\x93NUMPY"
        except FileNotFoundError:
            continue
    return count


def test_batches_are_brought_while_the_device_computes_and_removed(
    transport: SshTransport, server: Any, echo_network: Any
) -> None:
    sizes, answers = [2, 0, 1, 4, 3, 2], list[list[Arrays]]()
    runner = WorkerRunner([sys.executable])
    deployment = runner.deploy(transport, echo_network.path, echo_network.sha256)

    def take(given: Iterator[Arrays]) -> None:
        # Three batches that are not answered, and what is being brought or removed; two files each.
        assert arrays_in(server.work / "store") <= 2 * 5
        answers.append(list(given))

    runner.answer(transport, deployment, echo_network.job, echo_network.batches(sizes), take)
    echo_network.check(sizes, answers)
    assert arrays_in(server.work / "store") == 0
