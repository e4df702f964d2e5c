"""`bench host`: a host that offers its devices, and its time for exports, to campaigns of other hosts.

Dask is told of them as resources of the worker: `device:NAME` for each device, which one task at a time may have, and
`export`. A device that is this host itself takes both, so that nothing is exported beside its measurement.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.campaign.scheduler_check import scheduler_trouble

if TYPE_CHECKING:
    from latency_bench.devices.device import Device
    from latency_bench.harness.campaign.cluster_settings import ClusterSettings

EXPORT = "export"
DEVICE_PREFIX = "device:"
NAME_SEPARATOR = "/"
"""Between a host's name and what tells its processes apart, in the name of Dask's worker."""
OFFER_ATTRIBUTE = "bench_offer"
"""Of Dask's worker, where the functions that run in it find the Offer."""
_PAUSE_S = 5.0
QUIET: dict[str, Any] = {
    # What matters is said in our own words. Only heeded if set before `distributed` is imported.
    "logging": {"distributed": "critical", "distributed.client": "critical", "tornado.application": "critical"},
}
"""Settings of Dask for every process of ours."""
# Dask samples its threads' stacks a hundred times a second, which is not for a host that measures itself.
_CALM = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.comm.retry.count": 3,
    # It keeps the last messages and state changes of every connection, for its own developers: a thousand of each.
    "distributed.admin.low-level-log-length": 100,
}


def device_resource(name: str) -> str:
    """The resource that a measurement on a device needs."""
    return f"{DEVICE_PREFIX}{name}"


def resources_for(device: Device) -> dict[str, float]:
    """What a measurement on it takes of a worker."""
    alone = {EXPORT: 1.0} if device.transport == "local" else {}
    return {device_resource(device.name): 1.0, **alone}


class Offer:
    """The devices of this host that campaigns may use, and whether one is being measured."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices = tuple(devices)
        self._measuring = 0
        self._changed = threading.Condition()

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """While this lasts, the host is not offered anew."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    @property
    def is_idle(self) -> bool:
        return self._measuring == 0

    def wait_until_idle(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.is_idle)

    def _count(self, step: int) -> None:
        with self._changed:
            self._measuring += step
            self._changed.notify_all()


def serve(settings: ClusterSettings, devices: Sequence[str], say: Callable[[str], None]) -> None:
    """Offer the devices until somebody ends this process; a scheduler that goes away is waited for."""
    import dask

    with dask.config.set({**QUIET, **_CALM}), TemporaryFolder("host") as scratch:
        asyncio.run(_serve(settings, Offer(devices), say, str(scratch)))


async def _serve(settings: ClusterSettings, offer: Offer, say: Callable[[str], None], scratch: str) -> None:
    told = None
    while True:
        trouble = await asyncio.to_thread(scheduler_trouble, settings)
        if trouble is not None:
            if trouble != told:
                say(f"cannot join {settings.address}: {trouble}. Tried again every {_PAUSE_S:.0f} s")
            told = trouble
            await asyncio.sleep(_PAUSE_S)
            continue
        told = None
        worker = _worker(settings, offer, scratch)
        say(f"offering {', '.join(offer.devices) or 'exports'} to {settings.address}")
        try:
            async with worker:
                say(f"connected to {settings.address}")
                await worker.finished()
        except OSError as error:
            say(f"{settings.address} does not answer ({error})")
        say(f"{settings.address} is gone; trying again")
        if not offer.is_idle:
            # Nobody waits for that measurement any more; offered before it has ended, the device would be busy with it.
            say("ending the measurement under way first")
            await asyncio.to_thread(offer.wait_until_idle)
        await asyncio.sleep(_PAUSE_S)


def _worker(settings: ClusterSettings, offer: Offer, scratch: str) -> Any:
    from distributed import Worker

    worker = Worker(
        settings.address,
        # Shown to whoever asks the scheduler for its hosts; several processes of one host have names of their own.
        name=f"{socket.gethostname()}{NAME_SEPARATOR}{os.getpid()}-{secrets.token_hex(2)}",
        security=settings.security(),
        # Without TLS nobody beyond this computer may connect to it either.
        host="127.0.0.1" if settings.is_loopback and settings.tls is None else None,
        nthreads=len(offer.devices) + 1,
        resources={EXPORT: 1.0, **{device_resource(name): 1.0 for name in offer.devices}},
        local_directory=scratch,
        memory_limit=0,
        # Its web page asks nobody who they are.
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        heartbeat_interval="5s",
    )
    setattr(worker, OFFER_ATTRIBUTE, offer)
    return worker
