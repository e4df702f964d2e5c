"""Whether a store has room for a run, asked before it is measured."""

from __future__ import annotations

import os
from pathlib import Path

from latency_bench.harness.number_text import byte_size
from latency_bench.harness.protocol import Protocol
from latency_bench.harness.store.errors import StoreFullError, from_os_error
from latency_bench.harness.store.sample_table import ROW_BYTES

_FASTEST_REQUEST_S = 10e-6
"""Nothing that is measured here answers sooner, which bounds how many requests a time allows."""
_REQUEST_OF_A_PAIR_S = 1e-3
_REST_BYTES = 8 << 20
"""Record, readings and logs of a run: a log is cut to a megabyte, and readings are taken once a second."""


def largest_run_bytes(protocol: Protocol, rounds: int) -> int:
    """What a run can take in the store at most."""
    # The warm-up's cap on its count holds once its shortest time is over.
    warmup = protocol.warmup.max_count + protocol.warmup.min_s / _FASTEST_REQUEST_S
    sampling = min(protocol.sampling.max_count, protocol.sampling.max_s / _FASTEST_REQUEST_S)
    return int(rounds * (warmup + sampling)) * ROW_BYTES + _REST_BYTES


def likely_pair_bytes(max_minutes: float) -> int:
    """What a pair takes whose requests, of all sides together, last a millisecond each until its time is over."""
    return int(max_minutes * 60 / _REQUEST_OF_A_PAIR_S) * ROW_BYTES + _REST_BYTES


def require_room(store: Path, needed_bytes: int) -> None:
    """Raises StoreFullError where a run of this size may not find room at its end, StoreError for no such place."""
    place = store.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        system = os.statvfs(place)
    except OSError as error:
        raise from_os_error(error, place, "ask for the free space of") from error
    free_bytes = system.f_bavail * system.f_frsize
    # A file system that does not tell has no size either.
    if system.f_blocks and free_bytes < needed_bytes:
        raise StoreFullError(
            f"{store} may have no room for what is to be measured: it takes up to {byte_size(needed_bytes)}, and "
            f"{byte_size(free_bytes)} are free there. Free space or choose another place with --store."
        )
