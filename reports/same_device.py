"""Which of the paper's devices a device of ours is: only there may a number be set against the published one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.reader import read_record

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.record import RunRecord
    from latency_bench.reports.papers.paper import Paper


def paper_devices(paper: Paper, runs: pd.DataFrame, store: Path) -> dict[str, str]:
    """The paper's name for a device by ours, as the latest run's fingerprint says; other devices are left out.

    One record a device is read; one that cannot be is as if it said nothing.
    """
    found = {}
    for device, path in runs.drop_duplicates("device")[["device", "path"]].itertuples(index=False, name=None):
        try:
            named = paper_device(paper, read_record(store / path))
        except BrokenRunError:
            continue
        if named is not None:
            found[str(device)] = named
    return found


def paper_device(paper: Paper, record: RunRecord) -> str | None:
    """The first device of the paper by whose `recognised_by` the run's device is told. None for any other, and where
    the fingerprint does not say."""
    facts = conditions_of(record).get("device", {})
    devices = paper.file.devices.items()
    return next((name for name, one in devices if one.recognised_by and one.recognised_by.holds(facts)), None)
