"""What verify found torn or damaged, moved out of the way on request; nothing is ever deleted."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.findings import Finding
from latency_bench.harness.store.layout import QUARANTINE_FOLDER


def set_aside(store: Path, findings: Iterable[Finding]) -> dict[Path, Path]:
    """Move the folders that findings name as unusable to <store>/.quarantine/<their place in the store>.

    Returns where each went. A folder that lies outside the store stays where it is. Raises StoreError.
    """
    moved: dict[Path, Path] = {}
    for folder in dict.fromkeys(one.folder for one in findings if one.folder is not None):
        if store not in folder.parents:
            continue
        place = store / QUARANTINE_FOLDER / folder.relative_to(store)
        if place.exists():
            place = place.with_name(f"{place.name}.{secrets.token_hex(3)}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(place)
        except OSError as error:
            raise from_os_error(error, folder, "set aside") from error
        moved[folder] = place
    return moved
