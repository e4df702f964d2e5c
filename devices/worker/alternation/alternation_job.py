"""What an alternation has to do: its sides, and how they take turns."""

import os
from typing import Any, List, NamedTuple, Optional, Tuple

from .. import PROTOCOL_VERSION
from ..failure import bad_request
from ..fields import Fields, boolean, dictionary, filled_list, integer, optional, text


class Side(NamedTuple):
    """`job` is the path of a worker's job file, `program` that of the worker that does it, `python` the command that
    starts its Python; empty: ours."""

    job: str
    program: str
    python: Tuple[str, ...]


class Turns(NamedTuple):
    """`requests`: of each side's bursts; None: as many as last `burst_ns`, within limits. Blocks, one burst of every
    side each, go on until `min_ns` and `min_blocks` are reached, or `max_ns`; before them `settling_blocks` that do not
    count. `pause_ns`: after every burst, for threads of a runtime that spin on. `seed`: of the order."""

    requests: Optional[Tuple[int, ...]]
    burst_ns: int
    seed: int
    settling_blocks: int
    min_blocks: int
    min_ns: int
    max_ns: int
    pause_ns: int


class AlternationJob(NamedTuple):
    sides: Tuple[Side, ...]
    start_order: Tuple[int, ...]
    """In which order the workers are started."""
    load_together: bool
    """Whether all load and make their first request at the same time, or one after the other."""
    turns: Turns
    die_with_parent: bool


def parse_alternation(document: Any, folder: str) -> AlternationJob:
    """Paths are relative to `folder`. Raises WorkerError (bad-request)."""
    fields = Fields("alternation", document)
    version = fields.take("version", integer(0))
    if version != PROTOCOL_VERSION:
        raise bad_request("the job is of protocol version %d, this worker speaks %d" % (version, PROTOCOL_VERSION))
    sides = fields.take("sides", filled_list)
    parsed = tuple(_parse_side("sides[%d]" % index, item, folder) for index, item in enumerate(sides))
    job = AlternationJob(
        sides=parsed,
        start_order=tuple(fields.take("start_order", filled_list)),
        load_together=fields.take("load_together", boolean, False),
        turns=_parse_turns(fields.take("turns", dictionary), len(parsed)),
        die_with_parent=fields.take("die_with_parent", boolean, False),
    )
    fields.finish()
    if len(parsed) < 2:
        raise bad_request("alternation.sides: at least two take turns")
    if sorted(map(str, job.start_order)) != sorted(map(str, range(len(parsed)))):
        raise fields.bad("start_order", "expected each of the %d sides once" % len(parsed))
    return job


def _parse_side(where: str, document: Any, folder: str) -> Side:
    fields = Fields(where, document)
    side = Side(
        job=os.path.join(folder, fields.take("job", text)),
        program=fields.take("program", text, ""),
        python=tuple(fields.take("python", _words, [])),
    )
    fields.finish()
    return side


def _parse_turns(document: Any, sides: int) -> Turns:
    fields = Fields("turns", document)
    turns = Turns(
        requests=fields.take("requests", optional(_counts), None),
        burst_ns=fields.take("burst_ns", integer(1), 1),
        seed=fields.take("seed", integer(0, 2**32 - 1)),
        settling_blocks=fields.take("settling_blocks", integer(0, 100000), 0),
        min_blocks=fields.take("min_blocks", integer(1, 1000000)),
        min_ns=fields.take("min_ns", integer(0)),
        max_ns=fields.take("max_ns", integer(1)),
        pause_ns=fields.take("pause_ns", integer(0, 10**9), 0),
    )
    fields.finish()
    if turns.requests is not None and len(turns.requests) != sides:
        raise fields.bad("requests", "%d bursts for %d sides" % (len(turns.requests), sides))
    if turns.min_ns > turns.max_ns:
        raise fields.bad("min_ns", "%d is more than max_ns, %d" % (turns.min_ns, turns.max_ns))
    return turns


def _counts(value: Any) -> Tuple[int, ...]:
    check = integer(1, 1000000)
    return tuple(check(count) for count in filled_list(value))


def _words(value: Any) -> List[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise ValueError("a list of words")
    return value
