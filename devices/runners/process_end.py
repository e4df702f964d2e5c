"""How a program of a device ended, by its exit code: a signal is a negative number, or 128 and more from a shell."""

from __future__ import annotations

import signal


def how_it_ended(code: int) -> str:
    """`ended with code 3`, `was killed by signal 11 (SIGSEGV)`."""
    number = _signal_number(code)
    if number is None:
        return f"ended with code {code}"
    return f"was killed by signal {number} ({signal.Signals(number).name})"


def was_signalled(code: int) -> bool:
    """By whatever signal."""
    return _signal_number(code) is not None


def was_killed(code: int) -> bool:
    """By SIGKILL: as a rule the kernel, because memory ran out."""
    return code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def _signal_number(code: int) -> int | None:
    number = -code if code < 0 else code - 128
    return number if number in set(signal.Signals) else None
