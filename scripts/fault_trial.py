"""What trials of campaigns have in common: places of their own, a campaign's settings, the table of what came of it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn


class SilentWatcher:
    """A Watcher that tells nobody; trials override what they want to know."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


def use_own_places(folder: Path) -> None:
    """Locks, caches and temporary files of this process, and of those that it starts, lie in `folder` from here on."""
    (folder / "tmp").mkdir(exist_ok=True)
    os.environ.update(BENCH_LOCKS=str(folder / "locks"), BENCH_CACHE=str(folder / "cache"), TMPDIR=str(folder / "tmp"))
    tempfile.tempdir = str(folder / "tmp")


def settings_of(plan: Any, store: Path, wait: bool = False) -> Any:
    """As `bench sweep` makes them."""
    from latency_bench.harness.campaign.case_batch import CampaignSettings

    return CampaignSettings(plan.name, store, ("bench", "sweep"), plan.order_seed, wait=wait)


def end_with(counts: Mapping[str, int], is_clean: bool) -> NoReturn:
    """Print a Markdown table; exit with 1 unless everything was as it should be."""
    print(f"| {' | '.join(counts)} |")
    print("|---:" * len(counts) + "|")
    print(f"| {' | '.join(map(str, counts.values()))} |", flush=True)
    sys.exit(0 if is_clean else 1)
