"""Several artifacts in live processes that take turns by bursts of requests: what is asked, and what comes of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import Deployment, ProgressHandler, RoundJob, RoundResult, Runner
from latency_bench.devices.transports.base import Transport

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class AlternatingSide:
    """One of those that take turns. `python`: where another one runs it than the device's usual."""

    deployment: Deployment
    job: RoundJob
    """Of its `sampling`, `max_count` alone counts."""
    python: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turns:
    """Blocks, one burst of every side each, until `min_s` and `min_blocks` are reached, or `max_s`."""

    requests: tuple[int, ...] | None
    """Of each side's bursts; None: as many as last `burst_s`, at least two."""
    seed: int
    """Of the balanced random order."""
    start_order: tuple[int, ...]
    """In which order the processes are started."""
    load_together: bool
    """Whether all load at the same time, so that they get memory of the same kind."""
    settling_blocks: int
    """Before the others; they do not count."""
    min_blocks: int
    min_s: float
    max_s: float
    burst_s: float = 0.05
    pause_s: float = 0.0
    """After every burst, for threads of a runtime that spin on."""


@dataclass(frozen=True)
class Alternation:
    """What one set of live processes left behind. The arrays have one entry a burst, in order."""

    sides: tuple[RoundResult, ...]
    """`samples` are all requests on command, those of settling blocks included."""
    block: npt.NDArray[np.int64]
    side: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    settling_blocks: int
    blocks: int
    """That count."""
    elapsed_s: float
    """Of those blocks."""
    stopped_by: str
    idle_processor_s: tuple[float, ...]
    """By side: what its process computed while another one's turn was."""


class SideError(WorkerError):
    """What a round of one side alone would have raised, and which side it was."""

    def __init__(self, side: int, kind: str, message: str, remedy: str = "", log: str = "") -> None:
        super().__init__(kind, message, remedy, log)
        self.side = side


class AlternatingRunner(Runner):
    """One that can have several artifacts live on the device at once and take turns."""

    @abstractmethod
    def alternate(
        self,
        transport: Transport,
        sides: Sequence[AlternatingSide],
        turns: Turns,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> Alternation:
        """One set of fresh processes that take turns. Each side's outputs go into `outputs_to`, which is a folder.

        Raises SideError for a side that fails, WorkerError where the alternation itself does.
        """
