"""Requests on command: after its first request the worker waits on stdin to be told to warm up, and then answers each
command with a burst of requests.

Between two commands it sleeps in a read. What it computes nevertheless (threads of a runtime that go on spinning) is
told, because it would be taken from whoever has the processor meanwhile.
"""

import json
import sys
import time
from typing import IO, Callable, NamedTuple, Optional

from .clock import Clock
from .events import EventStream
from .failure import bad_request
from .fields import Fields, boolean, integer
from .loop import StageEnd
from .request_times import RequestTimes, Samples

_LONGEST_LINE = 1000
_LARGEST_BURST = 1000000
TOLD_TO_END = "told_to_end"


class Command(NamedTuple):
    """`warm_up`, or `run` so many requests; neither: it is enough."""

    run: int
    warm_up: bool = False


def await_warm_up() -> None:
    """Returns when stdin says so, or ends. Raises WorkerError for another command."""
    command = read_command(sys.stdin.buffer)
    if command is not None and not command.warm_up:
        raise bad_request("a worker on command has to be told to warm up before anything else")


def obey(
    request: Callable[[], RequestTimes],
    samples: Samples,
    most: int,
    latency_ns: int,
    events: EventStream,
    clock: Clock,
) -> StageEnd:
    """Bursts into `samples` until a command, the end of stdin, or `most` requests end it. Raises WorkerError.

    `latency_ns` is what a request took lately, in the warm-up.
    """
    events.emit("ready", latency_ns=latency_ns)
    began_ns = ended_ns = clock()
    used_ns = _processor_ns()
    while True:
        command = read_command(sys.stdin.buffer)
        if command is not None and command.warm_up:
            raise bad_request("a worker on command warms up once")
        if command is None or command.run == 0:
            return StageEnd(TOLD_TO_END, samples.count, ended_ns - began_ns)
        if samples.count + command.run > most:
            raise bad_request("sampling.max_count: a burst of %d would be more than %d" % (command.run, most))
        idle_processor_ns = _processor_ns() - used_ns
        first = samples.count
        for _ in range(command.run):
            samples.append(request())
        used_ns, ended_ns = _processor_ns(), clock()
        events.emit("burst", first=first, count=command.run, idle_processor_ns=idle_processor_ns)


def read_command(stream: IO[bytes]) -> Optional[Command]:
    """The next line of `stream` that is not empty; None at its end. Raises WorkerError (bad-request)."""
    while True:
        line = stream.readline(_LONGEST_LINE)
        if not line:
            return None
        if line.strip():
            return _parse(line)


def _parse(line: bytes) -> Command:
    try:
        document = json.loads(line.decode("utf-8"))
    except ValueError:
        raise bad_request("a command is one line of JSON, not %r" % line[:60])
    fields = Fields("command", document)
    run = fields.take("run", integer(1, _LARGEST_BURST), 0)
    warm_up = fields.take("warm_up", boolean, False)
    if [bool(run), warm_up, fields.take("end", boolean, False)].count(True) != 1:
        raise fields.bad("run", "a command either warms up, or runs requests, or ends the measurement")
    fields.finish()
    return Command(run, warm_up)


def _processor_ns() -> int:
    """Processor time of all threads of this process so far."""
    return int(time.process_time() * 1e9)
