"""Peak memory is the process's own, and the peak."""

from __future__ import annotations

import subprocess
import sys

MIB = 1 << 20
CODE = "from latency_bench.harness.export.peak_memory import peak_memory_bytes; {before}; print(peak_memory_bytes())"


def peak_of(before: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(before=before)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_memory_that_was_given_back_counts() -> None:
    assert peak_of(f"x = bytearray(200 * {MIB}); del x") - peak_of("pass") > 150 * MIB


def test_memory_of_the_parent_does_not() -> None:
    ballast = bytearray(400 * MIB)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert peak_of("pass") < 200 * MIB
