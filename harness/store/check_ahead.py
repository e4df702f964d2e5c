"""Many runs that were never looked at are checked on all processors, by processes of this program.

Within one process a check takes one processor, however many threads there are: most of it is Python. The helpers say by
the key of its content (checked_runs.py) for which run nothing is wrong. Whoever asked then only hashes these, as what
was checked before, and looks at all others itself: helpers that fail cost time and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from latency_bench.devices.python_environment import own_module_path, python_environment
from latency_bench.harness.store.checked_runs import CheckedRuns, key_of
from latency_bench.harness.store.layout import CHECKSUMS_FILE
from latency_bench.harness.store.side_by_side import processors

WORTH_HELPERS = 400
"""Fewer runs are checked before a helper has started."""
_PROGRAM = "latency_bench.harness.store.check_process"


def check_ahead(runs: Sequence[Path], checked: CheckedRuns | None) -> None:
    """Add those to `checked` that are whole, where there are enough that are not in it and several processors."""
    if checked is None or len(runs) < WORTH_HELPERS:
        return
    unknown = [run for run in runs if (key := _key(run)) is not None and not checked.has(key)]
    helpers = min(processors(), len(unknown) * 2 // WORTH_HELPERS)
    if helpers < 2 or len(unknown) < WORTH_HELPERS:
        return
    with contextlib.suppress(OSError):
        _ask([unknown[first::helpers] for first in range(helpers)], checked)


def _key(run: Path) -> str | None:
    try:
        return key_of("/".join(run.parts[-3:]), (run / CHECKSUMS_FILE).read_bytes())
    except OSError:
        return None


def _ask(shares: Sequence[Sequence[Path]], checked: CheckedRuns) -> None:
    """Raises OSError where no process can be started."""
    environment = {**python_environment(os.environ, same_python=True), "PYTHONPATH": own_module_path()}
    questions = [b"\0".join(os.fsencode(run.absolute()) for run in share) for share in shares]
    with ThreadPoolExecutor(len(shares), thread_name_prefix="check") as pool, contextlib.ExitStack() as stack:
        # Ended before the threads are waited for: after an interruption they would wait for the helpers.
        started = [stack.enter_context(_helper(environment)) for _ in shares]
        for answer, _ in pool.map(lambda process, question: process.communicate(question), started, questions):
            for key in answer.decode("ascii", "replace").split():
                checked.add(key)


@contextlib.contextmanager
def _helper(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", _PROGRAM],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches who asked alone, who ends the helpers
    ) as process:
        try:
            yield process
        finally:
            process.kill()
