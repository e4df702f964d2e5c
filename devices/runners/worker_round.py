"""One round as its worker tells it: the order of its events, and whether every sample arrived, once and as measured."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from latency_bench.devices.runners.base import PHASES, Columns
from latency_bench.devices.runners.worker_events import (
    Answered,
    Checked,
    Column,
    Done,
    ErrorEvent,
    Event,
    Hello,
    Loaded,
    LoadedArtifact,
    Outputs,
    ProgressEvent,
    Samples,
    SavedOutputs,
    Stage,
    Waiting,
    protocol_error,
    read_event,
)
from latency_bench.devices.transports.bounded_lines import Tail

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

STAGES: tuple[Stage, ...] = ("warmup", "sampling")
_ORDER: tuple[type[Event], ...] = (Hello, Loaded, Outputs, Done)
"""Each comes once, in this order; those of `_IN_BETWEEN` come between `outputs` and `done`."""
_IN_BETWEEN = (ProgressEvent, Samples, Answered, Waiting)


_SHORTEST_NS = 1000
"""No request takes less: the loop around it alone takes longer."""


def most_samples(warmup: Mapping[str, Any], sampling: Mapping[str, Any]) -> dict[Stage, int]:
    """As many as a worker may send that keeps to a job's bounds. The warm-up's requests are counted from the end of its
    floor in time on."""
    within_floor = int(warmup["min_ns"]) // _SHORTEST_NS + 1
    return {
        "warmup": within_floor + int(warmup["min_count"]) + int(warmup["max_count"]),
        "sampling": max(int(sampling["min_count"]), int(sampling["max_count"])),
    }


class WorkerRound:
    """Takes the lines of a worker's stdout one after the other. What does not fit raises WorkerError (protocol)."""

    def __init__(self, most: Mapping[Stage, int] | None = None) -> None:
        """`most`: samples of each stage that are kept, as far as that is known."""
        self._most = most or {}
        self.error: ErrorEvent | None = None
        self.printed = Tail()
        """What was on stdout and is no event."""
        self._events: dict[str, dict[str, Any]] = {}
        self._checked: dict[type[Event], Event] = {}
        self._columns: dict[Stage, dict[str, Column]] = {}

    def line(self, line: str) -> Event | None:
        """The event of this line, None where it is none of ours."""
        if (read := read_event(line)) is None:
            self.printed.add(line)
            return None
        return self.take(*read)

    def take(self, event: Event, fields: dict[str, Any]) -> Event:
        """The next event, checked and as it came."""
        if self.error is not None or self.is_done:
            raise protocol_error(f"an event {event.event!r} after the last one")
        if isinstance(event, ErrorEvent):
            self.error = event
        elif isinstance(event, _IN_BETWEEN):
            if Outputs not in self._checked:
                raise protocol_error(f"an event {event.event!r} before its first request")
            if isinstance(event, Samples):
                self._append(event)
        else:
            self._next(event, fields)
        return event

    @property
    def is_done(self) -> bool:
        return Done in self._checked or Checked in self._checked

    @property
    def hello(self) -> dict[str, Any]:
        return self._events["hello"]

    @property
    def loaded(self) -> dict[str, Any]:
        # What was loaded is compared with what was deployed, and the record names that.
        return {name: value for name, value in self._events["loaded"].items() if name != "artifact"}

    @property
    def artifact(self) -> LoadedArtifact:
        loaded = self._checked[Loaded]
        assert isinstance(loaded, Loaded)
        return loaded.artifact

    @property
    def done(self) -> dict[str, Any]:
        # The hashes and the device's paths have done their service.
        served = ("samples_sha256", "checks")
        return {name: value for name, value in self._events["done"].items() if name not in served}

    @property
    def check_outputs(self) -> list[SavedOutputs]:
        done = self._checked[Done]
        assert isinstance(done, Done)
        return done.checks

    @property
    def checked(self) -> Checked:
        checked = self._checked[Checked]
        assert isinstance(checked, Checked)
        return checked

    @property
    def outputs(self) -> Outputs:
        outputs = self._checked[Outputs]
        assert isinstance(outputs, Outputs)
        return outputs

    def columns(self, stage: Stage) -> Columns:
        """The requests of a stage. Only after `done`, with which they were compared."""
        import numpy as np

        arrays: dict[str, npt.NDArray[np.int64]] = {
            name: np.array(values, dtype=np.int64) for name, values in self._columns[stage].items()
        }
        phases = {str(phase): arrays[f"{phase}_ns"] for phase in PHASES if f"{phase}_ns" in arrays}
        return Columns(arrays["start_ns"], arrays["latency_ns"], phases, arrays.get("enqueue_ns"))

    def _next(self, event: Event, fields: dict[str, Any]) -> None:
        # A check of a runtime ends behind `hello`.
        checks = isinstance(event, Checked) and len(self._checked) == 1
        expected = Checked if checks else _ORDER[len(self._checked)]
        if not isinstance(event, expected):
            raise protocol_error(f"an event {event.event!r} where {expected.__name__.lower()!r} comes next")
        if isinstance(event, Done):
            self._compare(event)
        self._checked[type(event)] = event
        self._events[event.event] = fields

    def _append(self, event: Samples) -> None:
        if event.stage == "warmup" and "sampling" in self._columns:
            raise protocol_error("samples of the warm-up after those of the sampling")
        columns = event.columns()
        kept = self._columns.setdefault(event.stage, {name: [] for name in columns})
        if event.first != len(kept.get("latency_ns", ())):
            raise protocol_error(
                f"samples of the {event.stage} from number {event.first} on, after {len(kept['latency_ns'])} of them"
            )
        if columns.keys() != kept.keys():
            raise protocol_error(f"samples of the {event.stage} with other columns than before")
        if len({len(column) for column in columns.values()}) != 1:
            raise protocol_error(f"samples of the {event.stage} whose columns differ in length")
        most = self._most.get(event.stage)
        if most is not None and event.first + len(columns["latency_ns"]) > most:
            raise protocol_error(f"more than {most} samples of the {event.stage}, which is all that was asked for")
        for name, column in columns.items():
            kept[name] += column

    def _compare(self, done: Done) -> None:
        """With what the worker says that it measured."""
        for stage, counted in zip(STAGES, (done.warmup.count, done.count), strict=True):
            columns = self._columns.get(stage, {})
            arrived = len(columns.get("latency_ns", ()))
            if arrived != counted or not columns:
                raise protocol_error(f"{arrived} samples of the {stage}, and says that it measured {counted}")
            check_times(stage, columns)
            if _sha256(columns) != getattr(done.samples_sha256, stage):
                raise protocol_error(f"samples of the {stage} that are not those that it measured (SHA-256)")


def _sha256(columns: dict[str, Column]) -> str:
    import numpy as np

    digest = hashlib.sha256()
    for column in columns.values():
        digest.update(np.array(column, dtype="<i8").tobytes())
    return digest.hexdigest()


def check_times(stage: Stage, columns: dict[str, Column]) -> None:
    """One request after the other, and no request that took no time. Raises WorkerError (protocol)."""
    ended_ns = 0
    for start_ns, latency_ns in zip(columns["start_ns"], columns["latency_ns"], strict=True):
        if latency_ns == 0:
            raise protocol_error(f"a sample of the {stage} that took 0 ns")
        if start_ns < ended_ns:
            raise protocol_error(f"a sample of the {stage} that starts before the one before it has ended")
        ended_ns = start_ns + latency_ns
