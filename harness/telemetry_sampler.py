"""Readings of the machine while a measurement runs, taken beside it."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.base import Reading

INTERVAL_S = 1.0
"""One reading a second: enough to see a clock drop, far too little to disturb (docs/benchmarks.md has the cost)."""


class TelemetrySampler:
    """Reads the device's probes in a thread. Use as a context manager; `readings` is complete after it."""

    def __init__(self, session: DeviceSession, interval_s: float = INTERVAL_S) -> None:
        self.readings: list[Reading] = []
        self.error: str | None = None
        """Why the readings stopped early; None if they did not."""
        self.watched_unix_ns: tuple[int, int] | None = None
        """When the measurement beside it began and ended, by this host's clock; None before it has."""
        self._began_ns = 0
        self._session = session
        self._interval_s = interval_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="telemetry", daemon=True)

    def __enter__(self) -> TelemetrySampler:
        self._began_ns = time.time_ns()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.watched_unix_ns = (self._began_ns, time.time_ns())
        self._over.set()
        self._thread.join(timeout=10)

    def _sample(self) -> None:
        while True:
            try:
                self.readings.extend(self._session.read())
            except (DeviceError, OSError) as error:
                self.error = str(error)
                return
            except Exception as error:
                # A third party's probe: the measurement beside it goes on, and its record says what is missing.
                self.error = f"{type(error).__name__}: {error}"
                return
            if self._over.wait(self._interval_s):
                return
