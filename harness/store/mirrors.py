"""Which folders stand for a remote store in this process, and what is noted in them for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.layout import PENDING_FOLDER

if TYPE_CHECKING:
    from latency_bench.harness.store.mirror import Mirror

_OPEN: dict[Path, Mirror] = {}


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
    marks = store / PENDING_FOLDER
    if not marks.is_dir():
        return
    try:
        (marks / run.name).write_text(run.relative_to(store).as_posix(), encoding="ascii")
    except OSError as error:
        raise from_os_error(error, marks / run.name, "write") from error


def open_mirror(url: str) -> Path:
    """The folder that stands for the remote store at `url`, until this process ends.

    Raises StoreLocationError where the address cannot be one.
    """
    from latency_bench.harness.store.mirror import Mirror

    mirror = Mirror(url)
    _OPEN[mirror.folder] = mirror
    return mirror.folder
