"""Which folders stand for a remote store in this process, and what is noted in them for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.store.layout import PENDING_FOLDER
from latency_bench.harness.store.pending import mark_pending

if TYPE_CHECKING:
    from latency_bench.harness.store.mirror import Mirror

_OPEN: dict[Path, Mirror] = {}
_CHECKED: set[Path] = set()
_STORED: set[Path] = set()
"""Runs that this process stored in a mirror."""


def mirror_of(store: Path) -> Mirror | None:
    """The mirror whose folder `store` is; None for an ordinary store."""
    return _OPEN.get(store) if _OPEN else None


def store_label(store: Path) -> str:
    """What to call a store: its folder, or the address that its folder stands for, without passwords."""
    mirror = mirror_of(store)
    return mirror.address if mirror else str(store)


def announce(run: Path) -> None:
    """Before a run is stored in a mirror: note that it has to be sent, by whatever process. Raises StoreError."""
    store = run.parent.parent.parent
    if (store / PENDING_FOLDER).is_dir():
        mark_pending(store, run.relative_to(store).as_posix())
        _STORED.add(run)


def check_store(store: Path) -> None:
    """Before anything is measured into it: a store at an address has to exist, and is asked once.

    Raises StoreLocationError; warns where the address does not answer.
    """
    mirror = mirror_of(store)
    if mirror is not None and store not in _CHECKED:
        mirror.check()
        _CHECKED.add(store)


def unsent_runs() -> list[Path]:
    """Runs that this process stored and that are not at their store's address."""
    waiting = {mirror.folder / one.name for mirror in _OPEN.values() for one in mirror.pending()} if _STORED else set()
    return sorted(_STORED & waiting)


def open_mirror(url: str) -> Path:
    """The folder that stands for the remote store at `url`, until this process ends.

    Raises StoreLocationError where the address cannot be one.
    """
    from latency_bench.harness.store.mirror import Mirror

    mirror = Mirror(url)
    _OPEN[mirror.folder] = mirror
    return mirror.folder
