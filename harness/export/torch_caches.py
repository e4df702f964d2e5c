"""Where torch keeps what it compiles while it works in this process: nowhere for long."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from bench_worker.quiet_libraries import TORCH_CACHES
from latency_bench.devices.temporary_folder import TemporaryFolder


@contextlib.contextmanager
def torch_caches_removed() -> Iterator[None]:
    """torch makes this folder when parts of it are imported, and would leave it in the one for temporary files.

    One that the user has named stays.
    """
    if TORCH_CACHES in os.environ:
        yield
        return
    with TemporaryFolder("torch") as folder:
        os.environ[TORCH_CACHES] = str(folder)
        try:
            yield
        finally:
            del os.environ[TORCH_CACHES]
