"""Alternating workers as the device tells of them: which event is whose, and whether the bursts are those asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench_worker import PROTOCOL_VERSION
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.numerals import LARGEST
from latency_bench.devices.runners.alternation import AlternatingSide, Alternation, SideError, Turns
from latency_bench.devices.runners.base import Progress, ProgressHandler
from latency_bench.devices.runners.worker_events import (
    Count,
    ErrorEvent,
    Loaded,
    Nanoseconds,
    ProgressEvent,
    Stage,
    Text,
    check_event,
    check_worker_event,
    protocol_error,
    read_fields,
)
from latency_bench.devices.runners.worker_outcome import check_ended_well, check_paths, round_result
from latency_bench.devices.runners.worker_round import WorkerRound
from latency_bench.devices.transports.base import Completed, Transport
from latency_bench.devices.transports.bounded_lines import Tail

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class _Exact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Ready(_Exact):
    """A side has warmed up and waits for its first command."""

    event: Literal["ready"]
    latency_ns: Nanoseconds


class Bursts(_Exact):
    """Rows `first`, `first + 1`, ... of all bursts in order."""

    event: Literal["bursts"]
    first: Count
    block: list[Count]
    side: list[Count]
    count: list[int]


class Alternated(_Exact):
    event: Literal["alternated"]
    blocks: int = Field(ge=1, le=LARGEST)
    elapsed_ns: int = Field(ge=1, le=LARGEST)
    stopped_by: Text
    idle_processor_ns: list[Nanoseconds]


class Failed(_Exact):
    event: Literal["failed"]
    side: Count


_OF_ALL: Mapping[str, type[BaseModel]] = {
    "bursts": Bursts,
    "alternated": Alternated,
    "failed": Failed,
    "error": ErrorEvent,
    "progress": ProgressEvent,
}


class WorkerAlternation:
    """Takes the lines of an alternation's stdout one after the other; what does not fit is a WorkerError (protocol)."""

    def __init__(self, most: Sequence[Mapping[Stage, int]], turns: Turns, on_progress: ProgressHandler) -> None:
        """`most`: samples of each stage that are kept of each side."""
        self.rounds = tuple(WorkerRound(one) for one in most)
        self._most_bursts = sum(one["sampling"] for one in most)
        self.error: ErrorEvent | None = None
        self.failed_side: int | None = None
        self.ended: Alternated | None = None
        self.printed = Tail()
        self._turns = turns
        self._on_progress = on_progress
        self._bursts: list[tuple[int, int, int]] = []

    def line(self, line: str) -> None:
        if (fields := read_fields(line)) is None:
            self.printed.add(line)
            return
        if self.error is not None or self.ended is not None:
            raise protocol_error(f"an event {fields.get('event')!r} after the last one")
        if "side" in fields and fields.get("event") not in ("failed", "bursts"):
            self._of_side(fields)
        else:
            self._of_all(check_event(fields, _OF_ALL))

    def bursts(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Block, side and count of every burst. Only after the end, with which they were compared."""
        import numpy as np

        return tuple(np.array(column, dtype=np.int64) for column in zip(*self._bursts, strict=True))

    def _of_side(self, fields: dict[str, Any]) -> None:
        side = fields.pop("side")
        if isinstance(side, bool) or not isinstance(side, int) or not 0 <= side < len(self.rounds):
            raise protocol_error(f"an event of side {side!r}, and there are {len(self.rounds)}")
        if fields.get("event") == "ready":
            check_event(fields, {"ready": Ready})
            return
        event = self.rounds[side].take(check_worker_event(fields), fields)
        if isinstance(event, Loaded):
            self._on_progress(Progress("loaded"))
        elif isinstance(event, ProgressEvent):
            self._on_progress(Progress(event.stage, event.count, event.elapsed_ns / 1e9))

    def _of_all(self, event: BaseModel) -> None:
        if isinstance(event, ErrorEvent):
            self.error = event
        elif isinstance(event, Failed):
            if event.side >= len(self.rounds):
                raise protocol_error(f"a failure of side {event.side}, and there are {len(self.rounds)}")
            self.failed_side = event.side
        elif isinstance(event, ProgressEvent):
            self._on_progress(Progress(event.stage, event.count, event.elapsed_ns / 1e9))
        elif isinstance(event, Bursts):
            if event.first != len(self._bursts) or not len(event.block) == len(event.side) == len(event.count):
                raise protocol_error(f"bursts from number {event.first} on, after {len(self._bursts)} of them")
            if len(self._bursts) + len(event.side) > self._most_bursts:
                raise protocol_error(f"more than {self._most_bursts} bursts, which is one a request that was asked for")
            self._bursts += zip(event.block, event.side, event.count, strict=True)
        elif isinstance(event, Alternated):
            self._compare(event)
            self.ended = event

    def _compare(self, ended: Alternated) -> None:
        """With what was asked, and with what the sides say that they measured."""
        sides, turns = len(self.rounds), self._turns
        blocks = turns.settling_blocks + ended.blocks
        if len(ended.idle_processor_ns) != sides or len(self._bursts) != blocks * sides:
            raise protocol_error(f"{len(self._bursts)} bursts in {blocks} blocks of {sides} sides")
        # Where the device chose the size of the bursts, it kept to it.
        requests = turns.requests or tuple(
            count for _, _, count in sorted(self._bursts[:sides], key=lambda row: row[1])
        )
        for number in range(blocks):
            rows = self._bursts[number * sides : (number + 1) * sides]
            if {block for block, _, _ in rows} != {number} or {side for _, side, _ in rows} != set(range(sides)):
                raise protocol_error(f"block {number} without one burst of every side")
            if any(count < 1 or count != requests[side] for _, side, count in rows):
                raise protocol_error(f"block {number} with bursts of another size than was asked for")
        for side, one in enumerate(self.rounds):
            if not one.is_done or one.done["count"] != blocks * requests[side]:
                raise protocol_error(f"an end before side {side} had told of all its requests")
        self._check_one_in_flight()

    def _check_one_in_flight(self) -> None:
        """By the clock that all processes of one machine share."""
        import numpy as np

        columns = [one.columns("sampling") for one in self.rounds]
        origins_ns = [int(one.hello["clock"]["origin_ns"]) for one in self.rounds]
        starts = [origin + part.start_ns for origin, part in zip(origins_ns, columns, strict=True)]
        ends = [start + part.latency_ns for start, part in zip(starts, columns, strict=True)]
        used = [0] * len(self.rounds)
        ended_ns = 0
        for _, side, count in self._bursts:
            first, last = used[side], used[side] + count - 1
            if starts[side][first] < ended_ns:
                raise protocol_error(f"a request of side {side} that starts before another side's has ended")
            ended_ns = int(np.max(ends[side][first : last + 1]))
            used[side] = last + 1


def alternation_job(sides: Sequence[dict[str, Any]], turns: Turns) -> dict[str, Any]:
    """The worker protocol's document; `sides` are of its form already."""
    return {
        "version": PROTOCOL_VERSION,
        "sides": list(sides),
        "start_order": list(turns.start_order),
        "load_together": turns.load_together,
        "turns": {
            "requests": None if turns.requests is None else list(turns.requests),
            "burst_ns": int(turns.burst_s * 1e9),
            "seed": turns.seed,
            "settling_blocks": turns.settling_blocks,
            "min_blocks": turns.min_blocks,
            "min_ns": int(turns.min_s * 1e9),
            "max_ns": int(turns.max_s * 1e9),
            "pause_ns": int(turns.pause_s * 1e9),
        },
        "die_with_parent": True,
    }


def alternation_result(
    transport: Transport,
    completed: Completed,
    heard: WorkerAlternation,
    sides: Sequence[AlternatingSide],
    turns: Turns,
    outputs: Sequence[str],
    outputs_to: Path,
) -> Alternation:
    """Each side's round, its outputs in the folder `outputs_to`, and the bursts. Raises SideError, WorkerError."""
    printed = str(heard.printed)
    try:
        check_ended_well(transport, completed, heard.error, heard.ended is not None, printed)
    except WorkerError as error:
        if heard.failed_side is None:
            raise
        raise SideError(heard.failed_side, error.kind, error.message, error.remedy, error.log) from None
    assert heard.ended is not None
    block, side, count = heard.bursts()
    rounds = []
    for number, (one, asked) in enumerate(zip(heard.rounds, sides, strict=True)):
        # All sides print to one place: what they said stands with the first.
        log = printed + completed.stderr if number == 0 else ""
        file = outputs_to / f"side{number}.npz"
        checks = check_paths(outputs[number], asked.job.checks)
        rounds.append(round_result(transport, one, asked.deployment, outputs[number], file, log, checks))
    return Alternation(
        sides=tuple(rounds),
        block=block,
        side=side,
        count=count,
        settling_blocks=turns.settling_blocks,
        blocks=heard.ended.blocks,
        elapsed_s=heard.ended.elapsed_ns / 1e9,
        stopped_by=heard.ended.stopped_by,
        idle_processor_s=tuple(ns / 1e9 for ns in heard.ended.idle_processor_ns),
    )
