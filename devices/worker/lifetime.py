"""When this process has to end early: on a signal, and together with the process that started it."""

import os
import signal
import sys
import threading
from typing import Any, Optional

from .events import EventStream
from .failure import INTERRUPTED, bad_request

_PR_SET_PDEATHSIG = 1


def exit_on_signals(events: EventStream) -> None:
    """SIGTERM, SIGINT and SIGHUP end the process at once, with an `error` event, even in the middle of an inference.

    Python runs its handlers between two bytecodes, so a handler would wait for an inference of many seconds.
    The signal's number is written to a pipe at once instead, and a thread that sleeps in a read ends the process.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave_it_to_the_thread)
    threading.Thread(target=_wait_and_exit, args=(read_end, events), name="bench-signals", daemon=True).start()


def _leave_it_to_the_thread(number: int, frame: Any) -> None:
    """The number is in the pipe already."""


def _wait_and_exit(read_end: int, events: EventStream) -> None:
    number = os.read(read_end, 1)[0]
    events.emit_and_exit(
        128 + number, "error", kind=INTERRUPTED, message="stopped by %s" % signal.Signals(number).name, remedy=""
    )


def die_with_parent(parent_pid: Optional[int]) -> None:
    """Linux kills this process when the thread that started it ends. `parent_pid`, if known, closes the gap before.

    It is that thread and not its process that the kernel watches: a host has to start workers from a thread that lives
    as long as they do. Elsewhere than on Linux this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    before = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0) != 0:
        error = os.strerror(ctypes.get_errno())
        raise bad_request("this system cannot end the worker with its parent: %s" % error, "leave out die_with_parent")
    # The parent may have died before the kernel was told to watch it: then somebody else is the parent by now.
    if os.getppid() != before or (parent_pid is not None and before != parent_pid):
        os._exit(128 + signal.SIGKILL)
