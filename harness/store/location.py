"""Which store is meant: a folder, or an address and the folder that stands for it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from latency_bench.harness.store.errors import StoreLocationError
from latency_bench.harness.store.mirrors import open_mirror

ENVIRONMENT_VARIABLE = "BENCH_STORE"
DEFAULT = Path("results")

_LOCAL = "file://"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def store_location(argument: str | Path | None = None) -> Path:
    """The store's folder: `argument` if given, else BENCH_STORE, else ./results. It need not exist yet.

    An address (s3://..., sftp://..., anything that fsspec opens) gives the folder that mirrors it, see mirror.py.
    Raises StoreLocationError where it can be no store.
    """
    if argument is not None and str(argument):
        text, origin = str(argument), "--store"
    elif os.environ.get(ENVIRONMENT_VARIABLE):
        text, origin = os.environ[ENVIRONMENT_VARIABLE], ENVIRONMENT_VARIABLE
    else:
        text, origin = str(DEFAULT), "the default store"
    if is_address(text):
        return open_mirror(text)
    location = Path(text.removeprefix(_LOCAL)).expanduser()
    if location.exists() and not location.is_dir():
        raise StoreLocationError(
            f"{origin} {text!r} is a file; a store is a folder. Choose another place with --store."
        )
    return location


def is_address(text: str) -> bool:
    """Whether `text` names a store by an address of a remote place rather than a folder of this computer."""
    return _URL.match(text) is not None and not text.startswith(_LOCAL)
