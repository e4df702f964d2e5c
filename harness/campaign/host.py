"""`bench host`: a host that offers its devices, and its time for exports, to campaigns of other hosts.

Dask is told of them as resources of the worker: `device:NAME` for each device, which one task at a time may have, and
`export`. A device that is this host itself takes both, so that nothing is exported beside its measurement.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.devices.device import Device
    from latency_bench.harness.campaign.cluster_settings import ClusterSettings

EXPORT = "export"
DEVICES_ATTRIBUTE = "bench_devices"
_PAUSE_S = 5.0
QUIET: dict[str, Any] = {
    # What matters is said in our own words. Only heeded if set before `distributed` is imported.
    "logging": {"distributed": "critical", "distributed.client": "critical"},
}
"""Settings of Dask for every process of ours."""
# Dask samples its threads' stacks a hundred times a second, which is not for a host that measures itself.
_CALM = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.comm.retry.count": 3,
}


def device_resource(name: str) -> str:
    """The resource that a measurement on a device needs."""
    return f"device:{name}"


def resources_for(device: Device) -> dict[str, float]:
    """What a measurement on it takes of a worker."""
    alone = {EXPORT: 1.0} if device.transport == "local" else {}
    return {device_resource(device.name): 1.0, **alone}


def serve(settings: ClusterSettings, devices: Sequence[str], say: Callable[[str], None]) -> None:
    """Offer the devices until somebody ends this process; a scheduler that goes away is waited for."""
    import dask

    with dask.config.set({**QUIET, **_CALM}), tempfile.TemporaryDirectory(prefix="bench-host-") as scratch:
        asyncio.run(_serve(settings, devices, say, scratch))


async def _serve(settings: ClusterSettings, devices: Sequence[str], say: Callable[[str], None], scratch: str) -> None:
    while True:
        worker = _worker(settings, devices, scratch)
        say(f"offering {', '.join(devices) or 'exports'} to {settings.address}")
        try:
            async with worker:
                say(f"connected to {settings.address}")
                await worker.finished()
        except OSError as error:
            say(f"{settings.address} does not answer ({error})")
        say(f"{settings.address} is gone; trying again")
        await asyncio.sleep(_PAUSE_S)


def _worker(settings: ClusterSettings, devices: Sequence[str], scratch: str) -> Any:
    from distributed import Worker

    worker = Worker(
        settings.address,
        security=settings.security(),
        # Without TLS nobody beyond this computer may connect to it either.
        host="127.0.0.1" if settings.is_loopback and settings.tls is None else None,
        nthreads=len(devices) + 1,
        resources={EXPORT: 1.0, **{device_resource(name): 1.0 for name in devices}},
        local_directory=scratch,
        memory_limit=0,
        # Its web page asks nobody who they are.
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        heartbeat_interval="5s",
    )
    # For `describe`, which Dask hands the worker to.
    setattr(worker, DEVICES_ATTRIBUTE, tuple(devices))
    return worker
