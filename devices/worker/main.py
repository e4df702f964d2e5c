"""One job (or a check of a runtime) as a process: events on stdout, everything else on stderr. `start.py` starts it."""

import os
import platform
import sys
import traceback
from typing import Any, Dict, List

from . import PROTOCOL_VERSION, clock
from .affinity import pin, usable_cpus
from .events import EventStream
from .failure import INTERNAL, PYTHON, WorkerError, one_line, out_of_memory
from .job import Job, read_job, read_json
from .lifetime import die_with_parent, exit_on_signals
from .quiet_libraries import keep_caches_here, send_nothing


def main(arguments: List[str]) -> int:
    modes = {"--alternate": _alternate, "--check": _check}
    mode = modes.get(arguments[0]) if len(arguments) == 2 else None
    if len(arguments) != 1 and mode is None:
        sys.stderr.write("usage: python3 bench_worker/start.py [--alternate | --check] JOB.json\n")
        return 2
    send_nothing(os.environ)
    keep_caches_here()
    events = EventStream()
    try:
        if mode is not None:
            mode(arguments[1], events)
        else:
            _run(read_job(arguments[0]), events)
        return 0
    except Exception as error:
        failure = _as_failure(error)
        events.emit("error", kind=failure.kind, message=failure.message, remedy=failure.remedy)
        return failure.exit_code


def _run(job: Job, events: EventStream) -> None:
    if job.die_with_parent:
        die_with_parent(job.parent_pid)
    # Before numpy, whose linear algebra library starts its threads on import.
    if job.cpus is not None:
        pin(job.cpus)
    exit_on_signals(events)
    started = _say_hello(events, job.cpus is not None)

    from .session import measure

    measure(job, events, clock.now_ns, started["origin_ns"])


def _check(path: str, events: EventStream) -> None:
    from .runtime_check import check_runtime, parse_check

    check = parse_check(read_json(path))
    die_with_parent(None)
    exit_on_signals(events)
    _say_hello(events, pinned=False)
    check_runtime(check, events, clock.now_ns)


def _say_hello(events: EventStream, pinned: bool) -> Dict[str, Any]:
    """Sends `hello`; the clock as it is described there. Raises WorkerError (python) without numpy."""
    try:
        import numpy as np
    except ImportError as error:
        raise WorkerError(
            PYTHON,
            "numpy is missing in Python %s (%s): %s" % (platform.python_version(), sys.executable, error),
            "install it with: pip install numpy, or set `python` in devices.yaml to one that has it",
        )
    started = clock.describe()
    events.emit("hello", **_hello(pinned, np.__version__, started))
    return started


def _alternate(path: str, events: EventStream) -> None:
    from .alternation.alternation_job import parse_alternation
    from .alternation.conductor import alternate

    job = parse_alternation(read_json(path), os.path.dirname(os.path.abspath(path)))
    if job.die_with_parent:
        die_with_parent(None)
    exit_on_signals(events)
    alternate(job, events, clock.now_ns)


def _hello(pinned: bool, numpy_version: str, started: Any) -> Any:
    return {
        "version": PROTOCOL_VERSION,
        "python": platform.python_version(),
        "numpy": numpy_version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "pid": os.getpid(),
        "clock": started,
        "pinned": pinned,
        "cpus": usable_cpus(),
    }


def _as_failure(error: Exception) -> WorkerError:
    if isinstance(error, WorkerError):
        return error
    memory = out_of_memory(error, "while loading the artifact or making its inputs")
    if memory is not None:
        return memory
    traceback.print_exc()
    return WorkerError(
        INTERNAL,
        "the worker failed: %s" % one_line("%s: %s" % (type(error).__name__, error)),
        "what it printed on stderr says where; please report it",
    )
