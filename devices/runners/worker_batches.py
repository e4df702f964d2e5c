"""Batches brought to a worker that computes meanwhile: a thread makes and brings the next while one is computed."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.numerals import count as parsed_count
from latency_bench.devices.runners.batch import Arrays, Batch
from latency_bench.devices.runners.worker_events import Answered, protocol_error
from latency_bench.devices.runners.worker_files import push_json, with_values_there
from latency_bench.devices.runners.worker_outcome import pull_outputs
from latency_bench.devices.transports.base import Transport

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_AHEAD = 3
"""Batches that are on the device and not answered: the one that is computed, and what it goes on with."""


@dataclass(frozen=True)
class _Brought:
    """A batch on the device. `count`: of its requests. `local`, `remote`: files that it can be rid of once answered."""

    count: int
    outputs: str
    local: list[Path]
    remote: list[str]


class FedBatches:
    """Brings the batches from entry to exit. `place`: where the worker finds them. `batches` is iterated in a thread of
    its own; what it raises comes out of `check`."""

    def __init__(self, transport: Transport, batches: Iterator[Batch], folder: Path) -> None:
        self._transport, self._batches, self._folder = transport, batches, folder
        self._name = f"batches-{secrets.token_hex(4)}"
        # On this computer a file stays where it is, elsewhere it comes into the session's folder: the device says.
        self.place = str(PurePosixPath(push_json(transport, {}, folder / f"{self._name}.json")).with_suffix(""))
        self._room = threading.Semaphore(_AHEAD)
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._waiting: deque[_Brought] = deque()
        self._served: deque[_Brought] = deque()
        self._answered = 0
        self._thread = threading.Thread(target=self._bring_all, name="batches")

    def __enter__(self) -> FedBatches:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._room.release()
        self._thread.join()
        self._served.extend(self._waiting)
        self._clear()

    def check(self) -> None:
        """Raise what ended the thread early."""
        if self._error is not None:
            raise self._error

    @contextmanager
    def answers(self, event: Answered) -> Iterator[Iterator[Arrays]]:
        """The outputs of the next batch, request by request, in the block. Raises WorkerError (protocol)."""
        if not self._waiting or event.batch != self._answered:
            raise protocol_error(f"the answers to batch {event.batch}, which were not its turn")
        brought = self._waiting.popleft()
        self._answered += 1
        file = self._folder / "answers.npz"
        pull_outputs(self._transport, event.path, event.sha256, brought.outputs, file)
        self._served.append(brought)
        # From here on the next one may be brought, whatever is made of these.
        self._room.release()
        yield _read(file, brought.count)

    def _bring_all(self) -> None:
        try:
            number = 0
            for batch in self._batches:
                self._room.acquire()
                if self._over.is_set():
                    return
                self._clear()
                self._bring(batch, number)
                number += 1
            self._tell({"end": True}, number)
        except BaseException as error:  # raised where the answers are awaited
            self._error = error

    def _bring(self, batch: Batch, number: int) -> None:
        inputs: list[dict[str, Any]] = []
        local: list[Path] = []
        remote: list[str] = []
        places: list[list[int | None]] = [[] for _ in batch.requests]
        for position, entry in enumerate(batch.inputs):
            stacked = _Stacked()
            for request, row in zip(batch.requests, places, strict=True):
                row.append(stacked.place(request.get(entry["name"])))
            if not stacked.arrays:
                inputs.append(with_values_there(self._transport, entry))
                continue
            file = self._folder / f"{self._name}-{number}-{position}.npy"
            stacked.save(file)
            local.append(file)
            remote.append(self._transport.push(file, file.name))
            inputs.append({**entry, "values": remote[-1]})
        # Names that are used again: what is written has been pulled by then.
        outputs = str(PurePosixPath(self._transport.workdir) / f"answers-{number % (_AHEAD + 1)}.npz")
        # Its answers may come as soon as the worker has been told.
        self._waiting.append(_Brought(len(batch.requests), outputs, local, remote))
        remote.append(self._tell({"inputs": inputs, "requests": places, "write_outputs": outputs}, number))

    def _tell(self, document: dict[str, Any], number: int) -> str:
        """The file that the worker waits for comes last, and whole; its path on the device."""
        file = self._folder / f"{self._name}-{number}.json"
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(document), encoding="utf-8")
        partial.rename(file)
        return self._transport.push(file, file.name)

    def _clear(self) -> None:
        """A data set is larger than a device, and perhaps than this computer's room for temporary files."""
        while self._served:
            brought = self._served.popleft()
            for file in brought.local:
                file.unlink(missing_ok=True)
            with contextlib.suppress(DeviceError):  # a link that is lost is told by what comes next
                self._transport.remove(brought.remote)


class _Stacked:
    """Arrays of one shape, one behind the other in a file; the same array once."""

    def __init__(self) -> None:
        self.arrays: list[npt.NDArray[np.generic]] = []
        self._places: dict[int, int] = {}

    def place(self, array: npt.NDArray[np.generic] | None) -> int | None:
        if array is None:
            return None
        if id(array) not in self._places:
            self._places[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return self._places[id(array)]

    def save(self, file: Path) -> None:
        """As numpy.save of them all would, without an array of them all."""
        import numpy as np

        first = self.arrays[0]
        shape = (len(self.arrays), *first.shape)
        described = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False, "shape": shape}
        with file.open("wb") as stream:
            np.lib.format.write_array_header_1_0(stream, described)
            for array in self.arrays:
                stream.write(np.ascontiguousarray(array).data)


def _read(file: Path, count: int) -> Iterator[Arrays]:
    import numpy as np

    with np.load(file, allow_pickle=False) as stored:
        entries: list[dict[str, _Entry]] = [{} for _ in range(count)]
        for key in stored.files:
            word, _, name = key.partition(" ")
            first, dash, last = (word, "", word) if "-" not in word else word.partition("-")
            numbers = parsed_count(first), parsed_count(last)
            if numbers[0] is None or numbers[1] is None or not numbers[0] <= numbers[1] < count:
                raise protocol_error(f"an output {key[:80]!r} of {count} requests")
            for number in range(numbers[0], numbers[1] + 1):
                entries[number][name] = _Entry(key, number - numbers[0] if dash else None)
        latest: dict[str, tuple[str, npt.NDArray[np.generic]]] = {}
        for number, by_name in enumerate(entries):
            if not by_name:
                raise protocol_error(f"no outputs of request {number} of {count}")
            yield {name: _stored_output(stored, name, entry, latest) for name, entry in by_name.items()}


class _Entry(NamedTuple):
    """Where an output lies: under which key of the file, and in which row of what lies there; None: it is all."""

    key: str
    row: int | None


def _stored_output(
    stored: Any, name: str, entry: _Entry, latest: dict[str, tuple[str, npt.NDArray[np.generic]]]
) -> npt.NDArray[np.generic]:
    """`latest`: what was read of each name, which several requests in a row lie in. Raises WorkerError (protocol)."""
    if entry.row is None:
        whole: npt.NDArray[np.generic] = stored[entry.key]
        return whole
    if latest.get(name, ("",))[0] != entry.key:
        latest[name] = entry.key, stored[entry.key]
    rows = latest[name][1]
    if rows.ndim < 1 or entry.row >= len(rows):
        raise protocol_error(f"an output {entry.key[:80]!r} with fewer rows than that")
    row: npt.NDArray[np.generic] = rows[entry.row : entry.row + 1].reshape(rows.shape[1:])
    return row
