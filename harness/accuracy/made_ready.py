"""Images made ready for a device, several at once and in order, while it computes those before them."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from latency_bench.devices.runners.batch import Arrays
from latency_bench.harness.accuracy import detection, prompted, super_resolution
from latency_bench.harness.accuracy.feeding import Fed, whole
from latency_bench.harness.accuracy.judging import Judge
from latency_bench.harness.accuracy.preparing import image_values, is_turned
from latency_bench.harness.accuracy.samples import Sample
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.export.image_file import UnusableImageError

if TYPE_CHECKING:
    from latency_bench.devices.device import Device

_MOST_THREADS = 8
"""More images than this are not decoded at once: each holds memory."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ready:
    """A sample that can be scored once its outputs are there. `requests`: how many it becomes."""

    sample: Sample
    fed: Fed
    """Without its values."""
    label: Any
    turned: bool
    requests: int


@dataclass(frozen=True)
class Unusable:
    """A sample that is left out, and why."""

    sample: Sample
    reason: str


@dataclass(frozen=True)
class Group:
    """What a batch is made of: samples of one piece, in their order. `requests`: those of all that are ready."""

    piece: int
    samples: tuple[Ready | Unusable, ...]
    requests: tuple[Arrays, ...]


def groups(
    pieces: Mapping[int, Sequence[Sample]], judge: Judge, cpus: frozenset[int], most_bytes: int
) -> Generator[Group, None, None]:
    """All samples of the pieces, in groups of up to `most_bytes` of inputs, one sample at least. `cpus`: of this
    computer, on which images are made ready; empty: on any."""
    numbered = ((number, sample) for number, samples in pieces.items() for sample in samples)
    made = _in_order(lambda one: (one[0], _made_ready(one[1], judge)), numbered, cpus)
    with closing(made):
        for piece, of_piece in groupby(made, key=itemgetter(0)):
            yield from _grouped(piece, (one for _, one in of_piece), most_bytes)


def preparing_cpus(device: Device, measured: Iterable[int]) -> frozenset[int]:
    """The cores of this computer on which images are made ready: those on which no request runs, where there are such;
    empty where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return frozenset()
    own = frozenset(os.sched_getaffinity(0))
    return own - frozenset(measured) if device.transport == "local" and not own <= frozenset(measured) else own


@dataclass(frozen=True)
class _Made:
    sample: Ready | Unusable
    requests: tuple[Arrays, ...] = ()

    @property
    def size_bytes(self) -> int:
        arrays = {id(array): array.nbytes for request in self.requests for array in request.values()}
        return sum(arrays.values())


def _made_ready(sample: Sample, judge: Judge) -> _Made:
    try:
        fed = _fed(sample, judge.subject)
        label = judge.label(sample, fed)
    except UnusableImageError as error:
        return _Made(Unusable(sample, str(error)))
    requests = _requests(fed, judge.subject)
    light = replace(fed, values=(), prompts=())
    return _Made(Ready(sample, light, label, is_turned(sample.image), len(requests)), requests)


def _fed(sample: Sample, subject: Subject) -> Fed:
    """What a sample becomes on its way through a model. Raises UnusableImageError."""
    spec = subject.spec
    if spec.task == "super-resolution":
        return super_resolution.feed(sample, spec)
    if spec.task == "segment-anything":
        return prompted.feed(sample, spec, subject.how)
    if spec.task == "detection":
        is_suppressed = subject.output is not None and subject.output.meaning == "boxes"
        return detection.feed(sample, spec, subject.how, is_suppressed)
    return whole(image_values(sample.image, spec.inputs[0], subject.how))


def _requests(fed: Fed, subject: Subject) -> tuple[Arrays, ...]:
    """The inputs of each request that change, as they are carried; what several share is one array."""
    name = subject.image_input
    carried = {id(values): subject.carried(values) for values in fed.values}
    prompts = fed.prompts or ({},) * len(fed.values)
    return tuple({name: carried[id(values)], **more} for values, more in zip(fed.values, prompts, strict=True))


def _grouped(piece: int, made: Iterable[_Made], most_bytes: int) -> Iterator[Group]:
    group: list[_Made] = []
    size_bytes = 0
    for one in made:
        if group and size_bytes + one.size_bytes > most_bytes:
            yield _group(piece, group)
            group, size_bytes = [], 0
        group.append(one)
        size_bytes += one.size_bytes
    yield _group(piece, group)


def _group(piece: int, made: Sequence[_Made]) -> Group:
    requests = tuple(request for one in made for request in one.requests)
    return Group(piece, tuple(one.sample for one in made), requests)


def _in_order(
    function: Callable[[Item], Result], items: Iterable[Item], cpus: frozenset[int]
) -> Generator[Result, None, None]:
    """`function` of each item in a few threads, of which the results come in the order of the items: decoding, resizing
    and arithmetic on arrays leave Python's lock to others. Only as many items are begun as there are threads, and one
    more, before their results are taken."""
    count = min(_MOST_THREADS, len(cpus) or 1)
    pool = ThreadPoolExecutor(count, "images", initializer=_stay_on, initargs=(cpus,))
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _stay_on(cpus: frozenset[int]) -> None:
    """This thread alone."""
    if cpus:
        with contextlib.suppress(OSError):  # a core that went offline
            os.sched_setaffinity(0, cpus)
