"""`bench` commands in processes whose modules are imported already, so that a trial spends its time on what they do.

A helper process imports, and forks for every command. The child runs the same `main` to the same end, signal handlers
and clean-up at exit included; what it has not is the second in which Python imports, when nothing is under way yet.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_HELPER = """
import importlib, json, os, sys
for name in json.loads(sys.stdin.readline()):
    importlib.import_module(name)
print(flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        break
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
else:
    sys.exit()
from latency_bench.harness.cli.main import main
nowhere, errors = os.open(os.devnull, os.O_RDWR), os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
for number, descriptor in enumerate((nowhere, nowhere, errors)):
    os.dup2(descriptor, number)
sys.argv = ["bench", *json.loads(line)]
main()
"""


class WarmBench:
    """Use as a context manager. One command at a time, and each is waited for."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str], folder: Path, stderr: Path) -> None:
        """`folder`: in which commands run; `stderr`: the file that the latest one's messages are in."""
        self._modules = tuple(modules)
        self._environment = dict(environment)
        self._folder = folder
        self._stderr = stderr

    def __enter__(self) -> WarmBench:
        self.helper = subprocess.Popen(
            [sys.executable, "-c", _HELPER, str(self._stderr)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # So that a line which is there is seen by `select`.
            bufsize=0,
            cwd=self._folder,
            env=self._environment,
        )
        self._tell(self._modules)
        self.line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.helper.stdin is not None
        self.helper.stdin.close()
        self.helper.wait()

    def start(self, words: Sequence[str]) -> WarmCommand:
        self._tell(words)
        return WarmCommand(self, int(self.line()))

    def _tell(self, words: Sequence[str]) -> None:
        assert self.helper.stdin is not None
        self.helper.stdin.write(json.dumps(list(words)).encode() + b"\n")

    def line(self) -> bytes:
        """What the helper says next: a command's process id, then its exit code."""
        assert self.helper.stdout is not None
        if not (line := self.helper.stdout.readline()):
            raise RuntimeError(f"the process that starts commands ended with {self.helper.wait()}")
        return line


class WarmCommand:
    """As much of a subprocess.Popen as trials need."""

    def __init__(self, bench: WarmBench, pid: int) -> None:
        self._bench = bench
        self.pid = pid
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._bench.helper.stdout], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("bench", timeout or 0)
            self.returncode = int(self._bench.line())
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # over just now
            os.kill(self.pid, number)
