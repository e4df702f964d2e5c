"""Programs of this computer that print without end: time limits hold, memory is bounded, and the error says it."""

from __future__ import annotations

import threading

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports import bounded_lines
from latency_bench.devices.transports.bounded_lines import LONGEST_LINE, LineQueue, Tail
from latency_bench.devices.transports.local import LocalTransport

ENDLESS_LINE = ["sh", "-c", "yes | tr -d '\\n'"]


@pytest.fixture
def transport():
    one = LocalTransport()
    yield one
    one.close()


@pytest.mark.parametrize("command", [["yes"], ENDLESS_LINE], ids=["lines", "one line"])
def test_output_without_end_is_not_collected(transport, command):
    with pytest.raises(DeviceError, match="printed more than 64 MiB"):
        transport.run(command)


@pytest.mark.parametrize("command", [["yes"], ENDLESS_LINE], ids=["lines", "one line"])
def test_time_limits_hold_while_a_program_prints_without_end(transport, command):
    longest = []
    with pytest.raises(DeviceError, match="ran for more than 1 s"):
        transport.run(
            command, on_stdout=lambda line: longest.append(len(line)) if len(longest) < 10 else None, timeout_s=1
        )
    # A machine that is busy may not come to the end of the first line within the second.
    assert max(longest, default=0) <= LONGEST_LINE + 65536


def test_a_flood_of_errors_leaves_the_end_of_it(transport):
    done = transport.run(["sh", "-c", "yes | head -c 20000000 >&2; echo last >&2"])
    assert done.stderr.endswith("last\n")
    assert len(done.stderr) <= bounded_lines.TAIL_CHARACTERS


def test_who_reads_waits_for_who_takes_and_is_let_go_at_the_end():
    lines, put = LineQueue(), []

    def fill() -> None:
        for number in range(1_000_000):
            lines.put([f"{number}\n" * 50])
            put.append(number)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    assert [lines.get(120) for _ in range(1000)] == [f"{number}\n" * 50 for number in range(1000)]
    thread.join(timeout=0.2)
    assert thread.is_alive()
    assert len(put) < 900_000
    lines.close()
    thread.join(timeout=120)
    assert not thread.is_alive()


def test_the_latest_of_a_flood_is_kept():
    tail = Tail()
    for number in range(300_000):
        tail.add(f"{number:010d}\n")
    tail.add("z" * (3 * bounded_lines.TAIL_CHARACTERS))
    assert len(str(tail)) <= bounded_lines.TAIL_CHARACTERS
    assert str(tail).endswith("zzz")
