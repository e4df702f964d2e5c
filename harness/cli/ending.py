"""How the command line ends early: on signals, and where the system has no room or right for what it writes."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sys
from types import FrameType

_SIGNALS = ("SIGTERM", "SIGHUP")
_PLACES = {
    errno.ENOSPC: "free some space there, or choose another place (--store, BENCH_CACHE, TMPDIR)",
    errno.EDQUOT: "free some of your quota, or choose another place (--store, BENCH_CACHE, TMPDIR)",
    errno.EROFS: "choose another place (--store, BENCH_CACHE, TMPDIR)",
    errno.EACCES: "make it accessible, or choose another place (--store, BENCH_CACHE, TMPDIR)",
    errno.EPERM: "make it accessible, or choose another place (--store, BENCH_CACHE, TMPDIR)",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EIO: "look after the disk or terminal that it is",
}
_NO_HOME = "Could not determine home directory."
"""What pathlib says where ~ or ~name stands for nothing."""

LEAST_ADDRESS_SPACE_BYTES = 1_000_000_000

_ended_by: list[int] = []
"""The signal, once there was one."""


def interrupt_on_signals() -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C: everything that was begun is put back and removed. Signals that are
    ignored (nohup) stay so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def is_interrupted() -> bool:
    """Whether a signal came, whatever has become of its KeyboardInterrupt."""
    return bool(_ended_by)


def exit_code_of_interruption() -> int:
    """128 + the signal's number, as a shell has it."""
    # Python remembers a KeyboardInterrupt that came while it ran source text, as it does where a data class is made.
    # Started with -m, it would end as killed by SIGINT, though the interrupt was handled. Other text makes it forget.
    eval("0")  # noqa: S307 - a constant
    return 128 + (_ended_by[0] if _ended_by else signal.SIGINT)


def words_of(error: OSError | MemoryError | RuntimeError) -> str | None:
    """One line for an error of the system that a user can mend; None for one that is ours."""
    if isinstance(error, RuntimeError):
        if str(error) != _NO_HOME:
            return None
        return "a path begins with ~, and the user that it names has no home folder here; write the whole path"
    if isinstance(error, MemoryError):
        return _words_of_limit() or "memory ran out; stop other programs, or use a machine with more of it"
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        # Of a folder that was copied: all of its files, of which the first says enough.
        _, target, reason = error.args[0][0]
        why = str(reason).partition("] ")[2].partition(":")[0] or str(reason)
        return f"{target}: {why}; {_PLACES[errno.ENOSPC]}"
    if error.errno is None or (error.errno == errno.ENOENT and "temporary directory" in str(error)):
        return f"there is no folder for temporary files: {error}; set TMPDIR to one that can be written to"
    remedy = _PLACES.get(error.errno)
    if remedy is None:
        return None
    # An error of a file that is open already does not say which one it is.
    return f"{error.filename or 'what is printed, or a file that was being written'}: {error.strerror}; {remedy}"


def too_little_address_space() -> str | None:
    """One line where it is so little that libraries end the process, or try for ever, as OpenBLAS does."""
    limit_bytes = _address_space_limit_bytes()
    return _words_of_limit() if limit_bytes is not None and limit_bytes < LEAST_ADDRESS_SPACE_BYTES else None


def _words_of_limit() -> str | None:
    from bench_worker.failure import PROCESS_LIMIT_REMEDY

    limit_bytes = _address_space_limit_bytes()
    if limit_bytes is None:
        return None
    return f"the address space of bench is limited to {limit_bytes / 1e9:.1f} GB; {PROCESS_LIMIT_REMEDY}"


def _address_space_limit_bytes() -> int | None:
    limit_bytes = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit_bytes == resource.RLIM_INFINITY else limit_bytes


def flush_output() -> str | None:
    """Everything printed so far has to arrive; what is wrong where it does not. A reader that went away is no fault."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        return f"standard output: {error.strerror}"
    return None


def _discard_output() -> None:
    """Python would try it again when it ends, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, frame: FrameType | None) -> None:
    _ended_by.append(number)
    # After Ctrl-C whoever waits can still end it by another signal.
    for name in _SIGNALS if number != signal.SIGINT else ():
        # Whoever is in a hurry sends several; tidying up must not be interrupted.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    raise KeyboardInterrupt
