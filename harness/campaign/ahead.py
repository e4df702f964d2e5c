"""Exports for the cases to come, while a device that is not this host is being measured."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Sequence
from types import TracebackType

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.campaign.campaign_plan import PlannedCase
from latency_bench.harness.case_artifact import Export
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact, export_artifact
from latency_bench.harness.export.errors import CacheError, ExportError
from latency_bench.harness.rounds import ActiveRun
from latency_bench.model_specs.errors import SpecError


class _StoppedError(Exception):
    """Somebody wants to leave."""


class ExportAhead:
    """One export after the other, each in a process of its own, into the cache. Use as a context manager, which on a
    good end waits for the export under way and begins no other.

    Whatever fails here fails again, and is recorded, when the case's own turn comes.
    """

    def __init__(self, exports: Sequence[Export]) -> None:
        self._exports = exports
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="export-ahead", daemon=True)

    @classmethod
    def of(cls, run: ActiveRun, upcoming: Sequence[PlannedCase]) -> ExportAhead:
        """For cases of the device that `run` has open."""
        exports = []
        for planned in upcoming:
            with contextlib.suppress(UsageError, DeviceError):
                needed = run.export_of(planned.case)
                if not isinstance(needed, Artifact):
                    exports.append(needed)
        return cls(exports)

    def __enter__(self) -> ExportAhead:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        # After Ctrl-C nobody waits: the converter ends with this process.
        if kind is None:
            self._thread.join()

    def _run(self) -> None:
        for one in self._exports:
            if self._stop.is_set():
                return
            with (
                contextlib.suppress(ExportError, CacheError, SpecError, OSError, _StoppedError),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                export_artifact(one.spec, one.format, one.options, progress=self._go_on)

    def _go_on(self, _: str) -> None:
        if self._stop.is_set():
            raise _StoppedError
