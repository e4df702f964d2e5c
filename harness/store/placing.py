"""The moment in which a run becomes visible."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

from latency_bench.harness.store.durable import force_folder_to_disk
from latency_bench.harness.store.errors import RunExistsError, from_os_error
from latency_bench.harness.store.layout import EVIDENCE_FOLDER
from latency_bench.harness.store.mirrors import announce, mirror_of


def put_in_place(temporary: Path, run: Path, force: bool = True) -> None:
    """Move a complete folder to the run's place, and send the run if the store is remote.

    The files have to be on the disk; their names are forced there before the move and the run's own after it. `force`
    is False for one of many, whose names are there already; whoever moves them forces the store's names there last.
    Raises RunExistsError, StoreFullError, StoreError; then there is no run at its place.
    """
    store = run.parent.parent.parent
    announce(run)
    try:
        for folder in (temporary / EVIDENCE_FOLDER, temporary) if force else ():
            if folder.is_dir():
                force_folder_to_disk(folder)
        run.parent.mkdir(parents=True, exist_ok=True)
        temporary.rename(run)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise RunExistsError(f"{run} exists already; a stored run is never overwritten.") from error
        raise from_os_error(error, run, "store the run as") from error
    # The run is in its place and readable; some file systems cannot force a folder to the disk.
    with contextlib.suppress(OSError):
        for folder in (run.parent, run.parent.parent, store) if force else ():
            force_folder_to_disk(folder)
    mirror = mirror_of(store)
    if mirror is not None:
        mirror.send(run)
