"""What tools print at the end of a process, and nothing else, is a count."""

from __future__ import annotations

import pytest

from latency_bench.harness.instructions.counters import COUNTERS

BY_NAME = {counter.name: counter for counter in COUNTERS}


@pytest.mark.parametrize(
    ("counter", "log", "total"),
    [
        ("perf", "1234567,,instructions:u,900,100.00,,\n", 1234567),
        ("perf", "a line of the model\n55,,instructions:u,900,100.00,,\n66,,instructions:u,900,100.00,,\n", 66),
        ("perf", "<not supported>,,instructions:u,0,100.00,,\n", None),
        ("perf", "<not counted>,,instructions:u,0,0.00,,\n", None),
        ("valgrind", "==77== \n==77== I   refs:      12,345,678\n", 12345678),
        ("valgrind", "I   refs:      12,345,678\n", None),
        ("valgrind", f"==77== I refs: {'9' * 40}\n", None),
        ("valgrind", "==77== I refs: ,\n", None),
        ("valgrind", "", None),
    ],
)
def test_the_last_count_is_read(counter: str, log: str, total: int | None) -> None:
    assert BY_NAME[counter].total_in(log) == total
