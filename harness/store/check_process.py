"""Check runs, and say for which of them nothing is wrong: a program that check_ahead.py starts.

Folders of runs come on stdin, a NUL between two of them; the key of each whole run is a line on stdout.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from latency_bench.harness.store.checked_runs import CheckedRuns
from latency_bench.harness.store.verify import check_run


class _Teller(CheckedRuns):
    """Knows nothing, and says what it learns."""

    def has(self, key: str) -> bool:
        return False

    def add(self, key: str) -> None:
        sys.stdout.write(f"{key}\n")


def main() -> None:
    teller, parent = _Teller(), os.getppid()
    for folder in filter(None, sys.stdin.buffer.read().split(b"\0")):
        if os.getppid() != parent:  # nobody listens any more
            return
        check_run(Path(os.fsdecode(folder)), in_store=True, fetch=False, checked=teller)


if __name__ == "__main__":
    main()
