"""Two programs that know nothing of each other take turns: while one runs, the other is stopped by a signal.

So a tool whose loop nobody can enter shares the machine's drift with what it is compared with. The request that is
under way when a turn ends takes longer; there is one a turn on either side, and medians bear them.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

_JITTER = 0.3
"""Of a turn's length, so that no turn keeps step with a request."""
_LONGEST_S = 600.0


def run_in_turns(
    commands: Sequence[Sequence[str]], turn_s: float, cpu: int, outputs: Sequence[Path], seed: int
) -> None:
    """From the start of all to the end of all, each pinned to the same core; their stdout goes to `outputs`.

    Raises RuntimeError for one that fails or does not end.
    """
    generator = random.Random(seed)
    began_s = time.monotonic()
    processes = []
    try:
        for command, output in zip(commands, outputs, strict=True):
            processes.append(_started(command, output, cpu))
        running = generator.sample(processes, len(processes))
        while running:
            for process in list(running):
                os.killpg(process.pid, signal.SIGCONT)
                try:
                    code = process.wait(turn_s * generator.uniform(1 - _JITTER, 1 + _JITTER))
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGSTOP)
                    continue
                running.remove(process)
                if code:
                    raise RuntimeError(f"{' '.join(map(str, process.args))[:200]} ended with code {code}")  # type: ignore[arg-type]
            if time.monotonic() - began_s > _LONGEST_S:
                raise RuntimeError(f"the programs did not end within {_LONGEST_S:.0f} s")
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _started(command: Sequence[str], output: Path, cpu: int) -> subprocess.Popen[bytes]:
    """In a process group of its own, and stopped at once."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    os.killpg(process.pid, signal.SIGSTOP)
    os.sched_setaffinity(process.pid, {cpu})
    return process
