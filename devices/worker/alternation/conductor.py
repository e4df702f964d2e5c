"""From the start of the sides' workers to their last events: load, warm up, alternate, end."""

import time
from typing import Any, Dict, Iterator, List, Optional, Sequence

from ..clock import Clock
from ..events import EventStream
from ..failure import INTERNAL, WorkerError
from .alternation_job import AlternationJob, Turns
from .live_worker import Event, LiveWorker, SideError, as_failure
from .order import block_orders

_PROGRESS_NS = 1000000000
_ROWS_PER_EVENT = 20000
_FEWEST, _MOST = 2, 64
"""Requests in a burst whose size follows from its length: enough to tell the first from the others."""
_COLUMNS = ("block", "side", "count")


class Bursts:
    """Every burst in the order in which it was made."""

    def __init__(self) -> None:
        self.rows: List[Sequence[int]] = []
        self.idle_processor_ns: Dict[int, int] = {}
        """By side: what its process computed while it was not asked."""

    def append(self, block: int, side: int, event: Event) -> None:
        self.rows.append((block, side, event["count"]))
        self.idle_processor_ns[side] = self.idle_processor_ns.get(side, 0) + event["idle_processor_ns"]

    def events(self) -> Iterator[Dict[str, Any]]:
        for first in range(0, len(self.rows), _ROWS_PER_EVENT):
            rows = self.rows[first : first + _ROWS_PER_EVENT]
            yield dict(zip(_COLUMNS, (list(column) for column in zip(*rows))), first=first)


def alternate(job: AlternationJob, events: EventStream, clock: Clock) -> None:
    """Every event of a worker is handed on with its `side`; `bursts` and `alternated` are the alternation's own.

    Raises WorkerError for the first side that fails; the others are ended then.
    """
    workers: Dict[int, LiveWorker] = {}
    latencies_ns: Dict[int, int] = {}
    try:
        # Which pages a process gets is luck that lasts as long as it does, and pages that are given out at about the
        # same time are of one kind: sides that load together share it.
        for sides in [job.start_order] if job.load_together else [(side,) for side in job.start_order]:
            for side in sides:
                workers[side] = LiveWorker(side, job.sides[side].python, job.sides[side].program, job.sides[side].job)
            for side in sides:
                _hand_on(workers[side], side, "outputs", events)
            # One after the other: nothing may load or warm up beside another's requests that count.
            for side in sides:
                workers[side].warm_up()
                latencies_ns[side] = max(1, _hand_on(workers[side], side, "ready", events)["latency_ns"])
        bursts = Bursts()
        ended = _take_turns(workers, _sized(job.turns, latencies_ns), bursts, events, clock)
        # The kernel gives the pages that were freed last to whoever asks next. Whoever started last ends first, so
        # that pages stay with a place in the order of starting, which goes round, and not with a side.
        for side in reversed(job.start_order):
            workers[side].end()
            _hand_on(workers[side], side, "done", events)
            workers[side].wait()
        for fields in bursts.events():
            events.emit("bursts", **fields)
        idle = [bursts.idle_processor_ns.get(number, 0) for number in range(len(job.sides))]
        events.emit("alternated", idle_processor_ns=idle, **ended)
    except SideError as failed:
        events.emit("failed", side=failed.side)
        raise as_failure(failed.event)
    finally:
        for worker in workers.values():
            worker.kill()


def _sized(turns: Turns, latencies_ns: Dict[int, int]) -> Turns:
    """With a number of requests for every side's bursts."""
    if turns.requests is not None:
        return turns
    counts = [round(turns.burst_ns / latencies_ns[side]) for side in range(len(latencies_ns))]
    return turns._replace(requests=tuple(min(_MOST, max(_FEWEST, count)) for count in counts))


def _hand_on(worker: LiveWorker, side: int, last: str, events: EventStream) -> Event:
    """Its events up to and with the one called `last`, which is returned."""
    while True:
        event = worker.next_event()
        name = event.pop("event")
        events.emit(name, side=side, **event)
        if name == last:
            return event


def _take_turns(
    workers: Dict[int, LiveWorker], turns: Turns, bursts: Bursts, events: EventStream, clock: Clock
) -> Dict[str, Any]:
    """Blocks until it is enough, always an even number of them, so that each order is there as often as the other."""
    began_ns = told_ns = clock()
    counted_from_ns: Optional[int] = began_ns if turns.settling_blocks == 0 else None
    for block, order in enumerate(block_orders(len(workers), turns.seed)):
        now_ns = clock()
        if counted_from_ns is None and block >= turns.settling_blocks:
            counted_from_ns = now_ns
        if counted_from_ns is not None and (block - turns.settling_blocks) % 2 == 0:
            counted, elapsed_ns = block - turns.settling_blocks, now_ns - counted_from_ns
            stopped_by = _enough(turns, counted, elapsed_ns, now_ns - began_ns)
            if stopped_by is not None:
                return {"blocks": counted, "elapsed_ns": elapsed_ns, "stopped_by": stopped_by}
        for side in order:
            _one_burst(workers[side], side, block, turns, bursts)
        if now_ns - told_ns >= _PROGRESS_NS:
            events.emit("progress", stage="sampling", count=block + 1, elapsed_ns=now_ns - began_ns)
            told_ns = now_ns
    raise AssertionError("the orders never end")


def _enough(turns: Turns, counted: int, elapsed_ns: int, altogether_ns: int) -> Optional[str]:
    if counted >= turns.min_blocks and elapsed_ns >= turns.min_ns:
        return "floors"
    return "max_ns" if counted > 0 and altogether_ns >= turns.max_ns else None


def _one_burst(worker: LiveWorker, side: int, block: int, turns: Turns, bursts: Bursts) -> None:
    assert turns.requests is not None
    worker.run(turns.requests[side])
    event = worker.next_event()
    if event["event"] != "burst":
        raise WorkerError(INTERNAL, "a worker answered a command with %r" % event["event"])
    if event["count"] != turns.requests[side]:
        raise WorkerError(INTERNAL, "a worker made %r requests of %d" % (event["count"], turns.requests[side]))
    bursts.append(block, side, event)
    if turns.pause_ns:
        time.sleep(turns.pause_ns / 1e9)
