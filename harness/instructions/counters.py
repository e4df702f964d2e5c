"""Tools that count the instructions of a process from its start to its end, and print the count on stderr.

`perf` reads the processor's own counter; many virtual machines have none, and a kernel may keep it to itself
(`perf_event_paranoid`). valgrind runs the process on a processor of its own making: 20 to 50 times slower, on every
machine alike. It knows no AVX-512, so that a library takes its AVX2 code there, or what comes before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST_LINE = 200
_MOST_DIGITS = 30


@dataclass(frozen=True)
class InstructionCounter:
    """`command`: what the counted command follows. `total`: a line of stderr, with the count as its group."""

    name: str
    command: tuple[str, ...]
    total: re.Pattern[str]

    def total_in(self, log: str) -> int | None:
        """The count that a process's stderr ends with; None where there is none."""
        counts = [match[1] for line in log.splitlines() if (match := self.total.match(line[:_LONGEST_LINE]))]
        digits = counts[-1].replace(",", "") if counts else ""
        return int(digits) if 0 < len(digits) <= _MOST_DIGITS else None


# Without a fixed seed the dictionaries of every process have another order, and so other collisions.
_SEEDED = ("env", "PYTHONHASHSEED=0")

COUNTERS = (
    InstructionCounter(
        "perf",
        (*_SEEDED, "perf", "stat", "-x", ",", "-e", "instructions:u", "--"),
        re.compile(r"([0-9]+),[^,]*,instructions(?::u)?,"),
    ),
    InstructionCounter(
        "valgrind",
        (*_SEEDED, "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
        re.compile(r"==[0-9]+== I +refs: +([0-9,]+)\s*$"),
    ),
)
"""In the order in which they are tried."""
