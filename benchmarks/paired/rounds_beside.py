"""The ratio of two cases by rounds: fresh processes one after the other, in random order."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from latency_bench.devices.opening import open_device
from latency_bench.harness.case import Case, choose_cpus
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.statistics.comparison import Comparison, compare

Samples = np.ndarray[Any, np.dtype[np.float64]]


@dataclass
class Rounds:
    """Two cases on their device. Use as a context manager; `measured_ms` has one array of samples a round and side."""

    cases: tuple[Case, Case]
    seed: int = 0
    measured_ms: tuple[list[Samples], list[Samples]] = field(default_factory=lambda: ([], []))
    seconds: float = 0.0

    def __enter__(self) -> Rounds:
        with ExitStack() as opening:
            self._session = opening.enter_context(open_device(self.cases[0].device))
            self._outputs = Path(opening.enter_context(tempfile.TemporaryDirectory())) / "outputs.npz"
            self._random = random.Random(self.seed)
            self._sides = []
            for case in self.cases:
                artifact = artifact_of(case, self._session, lambda _: None)
                deployment = self._session.deploy(artifact.path, artifact.sha256, artifact.external_data)
                self._sides.append((deployment, case.round_request(artifact, choose_cpus(case, self._session))))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def one_each(self) -> None:
        """A round of both, in random order."""
        began_s = time.monotonic()
        for side in self._random.sample((0, 1), 2):
            result = self._session.measure(*self._sides[side], self._outputs, lambda _: None)
            self.measured_ms[side].append(result.samples.latency_ns / 1e6)
        self.seconds += time.monotonic() - began_s

    def until(self, over: Callable[[Rounds], bool]) -> None:
        """Rounds of both until it is over; at least two of each."""
        while len(self.measured_ms[0]) < 2 or not over(self):
            self.one_each()

    def compared(self) -> Comparison:
        """The second case against the first."""
        return compare(*self.measured_ms)


def width(found: Comparison) -> float:
    """Of the interval over the ratio; infinite without one."""
    return float("inf") if found.low is None or found.high is None else (found.high - found.low) / found.ratio
