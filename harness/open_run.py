"""What everything that measures holds from its beginning to its end: the device, and a place in the store."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from latency_bench.devices.device import Device
from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.opening import open_device
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.store.writer import RunWriter

Opened = TypeVar("Opened", bound="OpenRun")


class OpenRun:
    """Use as a context manager; what is not stored leaves nothing."""

    def __init__(self, device: Device, store: Path, store_folder: str, run_id: str) -> None:
        """`store_folder`: the folder of the store, below the device's, that the run belongs in."""
        self._device = device
        self._store = store
        self._store_folder = store_folder
        self._run_id = run_id
        self._open = ExitStack()
        self._session: DeviceSession
        self._writer: RunWriter
        self._outputs: Path

    def __enter__(self: Opened) -> Opened:
        with ExitStack() as opening:
            self._session = opening.enter_context(open_device(self._device))
            # Before anything is measured: a store that cannot be written to is no place for hours of work.
            self._writer = opening.enter_context(
                RunWriter(self._store, self._device.name, self._store_folder, self._run_id)
            )
            self._outputs = opening.enter_context(TemporaryFolder("outputs"))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def lock_device(self, what: str) -> None:
        """Have the device alone until this run is left. Raises DeviceBusyError, DeviceError."""
        self._session.lock(what)
