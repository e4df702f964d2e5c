"""Which runs lie in a folder, told by the names of its folders alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.layout import holds, is_name, is_run_id


def names_in(store: Path, device: str | None = None, model: str | None = None) -> list[str]:
    """`device/model/run id` of every run in the folder `store`, latest first; none for a folder that is not there.

    With one of OTHER_KINDS for a model those of this kind, which are no runs of a model and else left out.
    Raises StoreError for a folder that cannot be listed.
    """
    names = [
        (run, f"{in_device}/{in_model}")
        for in_device in _folders(store)
        if is_name(in_device) and device in (None, in_device)
        for in_model in _folders(store / in_device)
        if holds(in_model, model)
        for run in _folders(store / in_device / in_model)
        if is_run_id(run)
    ]
    names.sort(reverse=True)
    return [f"{folder}/{run}" for run, folder in names]


def _folders(parent: Path) -> Iterator[str]:
    try:
        with os.scandir(parent) as entries:
            yield from [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise from_os_error(error, parent, "list") from error
