"""Which store is meant."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.store.errors import StoreLocationError

ENVIRONMENT_VARIABLE = "BENCH_STORE"
DEFAULT = Path("results")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def store_location(argument: str | Path | None = None) -> Path:
    """The store's folder: `argument` if given, else BENCH_STORE, else ./results. It need not exist yet.

    Raises StoreLocationError where it cannot be a folder.
    """
    if argument is not None and str(argument):
        text, origin = str(argument), "--store"
    elif os.environ.get(ENVIRONMENT_VARIABLE):
        text, origin = os.environ[ENVIRONMENT_VARIABLE], ENVIRONMENT_VARIABLE
    else:
        text, origin = str(DEFAULT), "the default store"
    if _URL.match(text):
        raise StoreLocationError(
            f"{origin} {text!r} is an address; a store is a local or mounted folder. Give its path."
        )
    location = Path(text).expanduser()
    if location.exists() and not location.is_dir():
        raise StoreLocationError(
            f"{origin} {text!r} is a file; a store is a folder. Choose another place with --store."
        )
    return location
