"""Requests whose outputs are wanted and whose times are not: what an evaluation over images gives a device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Arrays = Mapping[str, "npt.NDArray[np.generic]"]
AnswersHandler = Callable[[Iterator[Arrays]], None]
"""Is given the outputs of each of a batch's requests, by the artifact's names, in order; they are read as they are
taken, and gone afterwards."""


class NoOutputsError(DeviceError):
    """A runner that cannot give outputs; the message says why."""


@dataclass(frozen=True)
class Batch:
    """`inputs`: of one request, as the worker protocol describes them. `requests`: for each the values of the inputs
    that change, by name, in the shape and type that are described; an array that several share is carried once."""

    inputs: tuple[dict[str, Any], ...]
    requests: tuple[Arrays, ...]

    def described(self, number: int, folder: Path) -> list[dict[str, Any]]:
        """The inputs of one request, with files of their own below `folder`."""
        import numpy as np

        entries = []
        for position, entry in enumerate(self.inputs):
            array = self.requests[number].get(entry["name"])
            if array is None:
                entries.append(entry)
                continue
            # A device tells files of values apart by the folder's name.
            file = folder / f"{number}-{position}" / "values.npy"
            file.parent.mkdir(parents=True)
            np.save(file, array, allow_pickle=False)
            entries.append({**entry, "values": str(file)})
        return entries


def stored_arrays(file: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The outputs of one request from the file that a runner wrote, which is removed."""
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
