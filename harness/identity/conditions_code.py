"""What tells that conditions are read by the same code as before, for those that keep them."""

from __future__ import annotations

import hashlib
from importlib.metadata import entry_points
from pathlib import Path


def conditions_code() -> bytes:
    """Changes with the code of this folder and of every probe, and with the packages that bring probes."""
    import latency_bench.devices.probe_conditions

    digest = hashlib.sha256()
    devices = Path(latency_bench.devices.probe_conditions.__file__).parent
    for file in (*sorted(Path(__file__).parent.glob("*.py")), *sorted(devices.rglob("*conditions.py"))):
        digest.update(file.read_bytes())
    for file in sorted((devices / "probes").glob("*.py")):
        digest.update(file.read_bytes())
    for entry in sorted(entry_points(group="bench.probes"), key=lambda entry: entry.name):
        digest.update(f"{entry.name} {entry.value} {entry.dist.version if entry.dist else ''}".encode())
    return digest.digest()
