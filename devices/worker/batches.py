"""Requests whose inputs come while this process computes: batches in files that the host brings one after the other.

`PLACE-0.json`, `PLACE-1.json`, ... each describe a batch; the next one lies there while the one before it is computed,
and its answers are told as soon as they are written. `{"end": true}` ends it. Nothing of this is timed.
"""

import os
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .events import EventStream
from .fields import Fields, boolean, filled_list, integer, listing, optional, text
from .inputs import fitting, generate, in_artifact_layout, read_values
from .job import InputTensor, parse_inputs, read_json
from .outputs import Arrays, save_named
from .runtime.base import Runtime

_LOOK_S = 0.002
_TELL_S = 1.0
"""Between two signs of life while nothing comes, which may be for as long as the host prepares an image."""

_TOGETHER_BYTES = 1 << 20
"""So much of a batch's outputs is kept until its end and written together: an entry of its own takes longer than to
write what is small."""

Compute = Callable[[Iterator["np.ndarray"]], Arrays]
"""The outputs of one request, of inputs in the artifact's order."""


class Batch(NamedTuple):
    inputs: Tuple[InputTensor, ...]
    """Of one request. The file of values of an input that changes holds them for several requests, along an axis before
    those of its shape."""
    requests: Tuple[Tuple[Optional[int], ...], ...]
    """For each request, by input: which of the values in its file; None where all requests have the same."""
    write_outputs: str


def answer_batches(place: str, order: Sequence[str], compute: Compute, events: EventStream) -> None:
    """Answer them in turn until the host says that there are no more. `order`: the inputs' names as the artifact has
    them. Raises WorkerError."""
    number = 0
    while True:
        batch = _parse(_awaited("%s-%d.json" % (place, number), events), os.path.dirname(place))
        if batch is None:
            return
        sha256 = save_named(batch.write_outputs, _answers(batch, order, compute))
        events.emit("answered", batch=number, path=batch.write_outputs, sha256=sha256)
        number += 1


def feeding(runtime: Runtime) -> Callable[[Sequence["np.ndarray"]], None]:
    """How the runtime, fed once already, is given other inputs: where it says from where it copies, they are written
    there, and what it has bound or recorded stays. A file whose outputs have sizes that were found out by trying is fed
    as if for the first time, because other values may give other sizes."""
    if not runtime.INPUTS_IN_PLACE or runtime.facts().get("shape_probe"):
        return lambda arrays: runtime.set_inputs([np.array(array) for array in arrays])
    targets = runtime.input_arrays()

    def write(arrays: Sequence["np.ndarray"]) -> None:
        for target, array in zip(targets, arrays):
            target[...] = array

    return write


def _answers(batch: Batch, order: Sequence[str], compute: Compute) -> Iterator[Tuple[str, "np.ndarray"]]:
    """Outputs by number of the request and name, each only when it is asked for: arrays are used again. Small ones of
    requests that follow each other are one array, `0-25 NAME`, with an axis before the others."""
    if not batch.requests:
        return
    together = _Together()
    places = {tensor.name: place for place, tensor in enumerate(batch.inputs)}
    ordered = [places[name] for name in order]
    sources = [_source(batch.inputs[place], [one[place] for one in batch.requests]) for place in ordered]
    for number, request in enumerate(batch.requests):
        arrays = (source(request[place]) for source, place in zip(sources, ordered))
        for name, array in compute(arrays).items():
            if not together.take(number, name, array):
                yield "%d %s" % (number, name), array
    for name, array in together.stacked():
        yield name, array


class _Together:
    """Copies of outputs, those of one name and form behind each other."""

    def __init__(self) -> None:
        self._room_bytes = _TOGETHER_BYTES
        self._runs: List[_Run] = []
        self._latest: Dict[str, _Run] = {}

    def take(self, number: int, name: str, array: "np.ndarray") -> bool:
        """Whether it was kept."""
        array = np.asarray(array)
        if array.nbytes > self._room_bytes:
            return False
        self._room_bytes -= array.nbytes
        run = self._latest.get(name)
        if run is None or not run.goes_on_with(number, array):
            run = self._latest[name] = _Run(number, name)
            self._runs.append(run)
        run.arrays.append(array.copy())
        return True

    def stacked(self) -> Iterator[Tuple[str, "np.ndarray"]]:
        for run in self._runs:
            last = run.first + len(run.arrays) - 1
            yield "%d-%d %s" % (run.first, last, run.name), np.stack(run.arrays)


class _Run:
    """Outputs of one name, of requests from `first` on."""

    def __init__(self, first: int, name: str) -> None:
        self.first, self.name = first, name
        self.arrays: List["np.ndarray"] = []

    def goes_on_with(self, number: int, array: "np.ndarray") -> bool:
        before = self.arrays[-1]
        follows = number == self.first + len(self.arrays)
        return follows and array.shape == before.shape and array.dtype == before.dtype


def _source(tensor: InputTensor, wanted: List[Optional[int]]) -> Callable[[Optional[int]], "np.ndarray"]:
    """An input's values in the artifact's layout, by their place in its file."""
    if any(place is None for place in wanted) or tensor.values is None:
        same = in_artifact_layout(generate(tensor), tensor.layout)
        return lambda place: same
    # From there straight to where the runtime copies from.
    stacked = np.asarray(read_values(tensor, tensor.values, mmap_mode="r"))
    return lambda place: in_artifact_layout(fitting(tensor, stacked[place]), tensor.layout)


def _awaited(path: str, events: EventStream) -> Any:
    told_s = time.monotonic()
    while not os.path.exists(path):
        time.sleep(_LOOK_S)
        if time.monotonic() - told_s > _TELL_S:
            events.emit("waiting")
            told_s = time.monotonic()
    return read_json(path)


def _parse(document: Any, folder: str) -> Optional[Batch]:
    """None: there are no more. Raises WorkerError (bad-request)."""
    fields = Fields("batch", document)
    if fields.take("end", boolean, False):
        fields.finish()
        return None
    batch = Batch(
        inputs=parse_inputs("batch.inputs", fields.take("inputs", listing), folder),
        requests=fields.take("requests", _places),
        write_outputs=os.path.join(folder, fields.take("write_outputs", text)),
    )
    fields.finish()
    if any(len(one) != len(batch.inputs) for one in batch.requests):
        raise fields.bad("requests", "a request does not have a place for each of the %d inputs" % len(batch.inputs))
    return batch


def _places(value: Any) -> Tuple[Tuple[Optional[int], ...], ...]:
    return tuple(tuple(_place(one) for one in filled_list(request)) for request in listing(value))


_place = optional(integer(0))
