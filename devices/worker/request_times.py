"""Timed requests in columns of 64-bit integers, allocated ahead of the measurement."""

import hashlib
import sys
from array import array
from collections import OrderedDict
from typing import Any, Dict, Iterator, NamedTuple, Optional, Sequence

OPTIONAL_COLUMNS = ("h2d_ns", "compute_ns", "d2h_ns", "enqueue_ns", "decode_ns", "preprocess_ns", "postprocess_ns")
"""In the order of RequestTimes: the phases, what is no part of their sum, and the phases that a pipeline adds."""
_INITIAL_CAPACITY = 16384
_ROWS_PER_EVENT = 20000


class RequestTimes(NamedTuple):
    """One request. `start_ns` and `end_ns` are readings of the clock around the whole request, transfers included and
    synchronised with the host; the phases are durations, in device time where the device has a clock of its own.
    `enqueue_ns` is the host's time for handing the computation to such a device, within which the device may already
    compute. `decode_ns`, `preprocess_ns` and `postprocess_ns` are phases of a pipeline (`pipeline/`), by the host's
    clock. What a runtime cannot time is None."""

    start_ns: int
    end_ns: int
    h2d_ns: Optional[int]
    compute_ns: Optional[int]
    d2h_ns: Optional[int]
    enqueue_ns: Optional[int] = None
    decode_ns: Optional[int] = None
    preprocess_ns: Optional[int] = None
    postprocess_ns: Optional[int] = None


class Samples:
    """The requests of one stage, in order. Grows between requests, by doubling, when it was allocated too small."""

    def __init__(self, origin_ns: int, capacity: int) -> None:
        self.count = 0
        self._origin_ns = origin_ns
        self._capacity = max(1, min(capacity, _INITIAL_CAPACITY))
        self._start_ns = _zeros(self._capacity)
        self.latency_ns = _zeros(self._capacity)
        """Valid up to `count`."""
        self._measured: Optional[Sequence[Optional[array[int]]]] = None

    def append(self, times: Sequence[Optional[int]]) -> None:
        """Keep one RequestTimes. Raises ValueError when a column comes and goes."""
        start_ns, end_ns, values = times[0], times[1], times[2:]
        assert start_ns is not None
        assert end_ns is not None
        if self._measured is None:
            self._measured = [None if value is None else _zeros(self._capacity) for value in values]
        if self.count == self._capacity:
            self._grow()
        row = self.count
        self._start_ns[row] = start_ns - self._origin_ns
        self.latency_ns[row] = end_ns - start_ns
        for column, value in zip(self._measured, values):
            if column is not None and value is not None:
                column[row] = value
            elif column is not None or value is not None:
                raise ValueError("the runtime timed a phase in one request and not in another")
        self.count = row + 1

    def columns(self) -> "Dict[str, array[int]]":
        """Whole columns by name; what was not measured is absent."""
        named = OrderedDict([("start_ns", self._start_ns), ("latency_ns", self.latency_ns)])
        for name, column in zip(OPTIONAL_COLUMNS, self._measured or ()):
            if column is not None:
                named[name] = column
        return OrderedDict((name, column[: self.count]) for name, column in named.items())

    def sha256(self) -> str:
        """Of all columns, as 64-bit integers, little-endian, one after the other in the order of `columns`: so that the
        host can tell whether what arrived is what was measured."""
        digest = hashlib.sha256()
        for column in self.columns().values():
            if sys.byteorder == "big":
                column.byteswap()
            digest.update(column.tobytes())
        return digest.hexdigest()

    def events(self, stage: str) -> Iterator[Dict[str, Any]]:
        """The fields of the `samples` events: several, in order, when there are many rows."""
        columns = self.columns()
        for first in range(0, max(1, self.count), _ROWS_PER_EVENT):
            rows = slice(first, first + _ROWS_PER_EVENT)
            event: Dict[str, Any] = {"stage": stage, "first": first}
            event.update((name, column[rows].tolist()) for name, column in columns.items())
            yield event

    def _grow(self) -> None:
        measured = [column for column in self._measured or () if column is not None]
        for column in [self._start_ns, self.latency_ns] + measured:
            column.extend(_zeros(self._capacity))
        self._capacity *= 2


def _zeros(count: int) -> "array[int]":
    return array("q", bytes(8 * count))
