"""Images scored over SSH: brought while the device computes, and gone from it afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latency_bench.devices.runners import benchmark_model_outputs, trtexec_inputs
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


@pytest.mark.parametrize("tool", [trtexec_inputs, benchmark_model_outputs])
def test_images_that_a_tool_reads_are_removed_and_what_is_seeded_stays(
    transport: SshTransport, server: Any, echo_network: Any, tmp_path: Path, tool: Any
) -> None:
    def kept() -> set[str]:
        return {path.name for path in (server.work / "store").iterdir()}

    (batch,) = echo_network.batches([1])
    with tool.given_inputs(transport, batch.described(0, tmp_path)) as flags:
        files = dict(part.split(":") for part in flags[-1].partition("=")[2].split(","))
        # A tool runs in the session's folder.
        sizes = {
            name: transport.run(["wc", "-c", file], timeout_s=120).stdout.split()[0] for name, file in files.items()
        }
        assert sizes == {"image": "288", "shift": "8", "same": "4"}
        meanwhile = kept()
    there = {name for name, file in files.items() if transport.run(["test", "-e", file], timeout_s=120).returncode == 0}
    assert there == {"same"}
    assert len(meanwhile - kept()) == 2
