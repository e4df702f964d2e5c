"""Which of the paper's devices a device of ours is: only there may a number be set against the published one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.reader import read_record

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.record import RunRecord


def paper_devices(runs: pd.DataFrame, store: Path) -> dict[str, str]:
    """nano, orin or a100 by the device's name, as the latest run's fingerprint says; other devices are left out.

    One record a device is read; one that cannot be is as if it said nothing.
    """
    found = {}
    for device, path in runs.drop_duplicates("device")[["device", "path"]].itertuples(index=False, name=None):
        try:
            named = paper_device(read_record(store / path))
        except BrokenRunError:
            continue
        if named is not None:
            found[str(device)] = named
    return found


def paper_device(record: RunRecord) -> str | None:
    """nano: a Jetson Nano of the first kind; orin: a Jetson AGX Orin, no Orin NX or Orin Nano; a100: a whole A100, no
    slice of one. None for any other, and where the fingerprint does not say."""
    device = conditions_of(record).get("device", {})
    board = str(device.get("module", ""))
    if "AGX Orin" in board:
        return "orin"
    if "Jetson Nano" in board:
        return "nano"
    gpu = str(device.get("GPU", ""))
    return "a100" if re.search(r"\bA100\b", gpu) and "MIG" not in gpu else None
