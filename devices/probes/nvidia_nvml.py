"""NVML by nvidia-ml-py (`pynvml`), imported when it is needed. A value that a GPU does not support is absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.readings import (
    ENERGY,
    FREQUENCY,
    LOAD,
    MEMORY_FREQUENCY,
    MEMORY_USED,
    POWER_TOTAL,
    PROCESS_MEMORY,
    TEMPERATURE,
    THROTTLE_REASONS,
    Quantity,
    Reading,
)


class NvmlError(Exception):
    """The library itself failed: no value of any GPU can be had."""


class Nvml:
    """An initialised NVML. `library` has pynvml's functions and constants."""

    def __init__(self, library: Any) -> None:
        self._library = library
        try:
            library.nvmlInit()
            self._gpus = [library.nvmlDeviceGetHandleByIndex(number) for number in range(library.nvmlDeviceGetCount())]
        except library.NVMLError as error:
            raise NvmlError(str(error)) from None

    @classmethod
    def open(cls) -> Nvml | None:
        """None where nvidia-ml-py is not installed. Raises DeviceError where it is, and there is no driver."""
        try:
            import pynvml
        except ImportError:
            return None
        try:
            return cls(pynvml)
        except NvmlError as error:
            raise DeviceError(
                f"the NVIDIA driver cannot be asked: {error}",
                "check nvidia-smi; a device without an NVIDIA GPU needs no `nvidia` among its probes",
            ) from None

    def facts(self) -> dict[str, Any]:
        library = self._library
        facts = {
            "driver": self._get(library.nvmlSystemGetDriverVersion),
            "cuda_driver": self._get(library.nvmlSystemGetCudaDriverVersion),
            "gpus": [_known(self._gpu(handle)) for handle in self._gpus],
        }
        return _known(facts)

    def readings(self) -> list[Reading]:
        """Of every GPU: clocks, temperature, power, energy so far, load, memory, throttle reasons, processes."""
        found = [
            reading for number, handle in enumerate(self._gpus) for reading in self._of_gpu(f"gpu{number}", handle)
        ]
        if self._gpus and not found:
            raise NvmlError("no GPU answers any more")
        return found

    def close(self) -> None:
        self._get(self._library.nvmlShutdown)

    def _gpu(self, handle: Any) -> dict[str, Any]:
        library, get = self._library, self._get
        memory = get(library.nvmlDeviceGetMemoryInfo, handle)
        limit_mw = get(library.nvmlDeviceGetEnforcedPowerLimit, handle)
        return {
            "model": _text(get(library.nvmlDeviceGetName, handle)),
            "uuid": _text(get(library.nvmlDeviceGetUUID, handle)),
            "memory_total_bytes": getattr(memory, "total", None),
            "clocks_mhz": _known({name: self._clocks(handle, kind) for name, kind in self._clock_kinds()}),
            "power_limit_w": None if limit_mw is None else limit_mw / 1000,
            "slowdown_temperature_c": get(
                library.nvmlDeviceGetTemperatureThreshold, handle, library.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
            ),
            "pcie": _known(
                {
                    "generation": get(library.nvmlDeviceGetCurrPcieLinkGeneration, handle),
                    "width": get(library.nvmlDeviceGetCurrPcieLinkWidth, handle),
                    "max_generation": get(library.nvmlDeviceGetMaxPcieLinkGeneration, handle),
                    "max_width": get(library.nvmlDeviceGetMaxPcieLinkWidth, handle),
                }
            ),
            "persistence_mode": get(library.nvmlDeviceGetPersistenceMode, handle),
            "ecc": (get(library.nvmlDeviceGetEccMode, handle) or (None,))[0],
            "mig": (get(library.nvmlDeviceGetMigMode, handle) or (None,))[0],
            "processes": [_known(self._process(one)) for one in self._processes(handle)],
        }

    def _clock_kinds(self) -> list[tuple[str, Any]]:
        return [("sm", self._library.NVML_CLOCK_SM), ("memory", self._library.NVML_CLOCK_MEM)]

    def _clocks(self, handle: Any, kind: Any) -> dict[str, Any]:
        library, get = self._library, self._get
        return _known(
            {
                "current": get(library.nvmlDeviceGetClockInfo, handle, kind),
                "max": get(library.nvmlDeviceGetMaxClockInfo, handle, kind),
            }
        )

    def _processes(self, handle: Any) -> list[Any]:
        return self._get(self._library.nvmlDeviceGetComputeRunningProcesses, handle) or []

    def _process(self, one: Any) -> dict[str, Any]:
        return {"pid": one.pid, "name": _text(self._get(self._library.nvmlSystemGetProcessName, one.pid))}

    def _of_gpu(self, source: str, handle: Any) -> list[Reading]:
        library, get = self._library, self._get
        values: list[tuple[Quantity, Any, float]] = [
            (FREQUENCY, get(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_SM), 1),
            (MEMORY_FREQUENCY, get(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_MEM), 1),
            (TEMPERATURE, get(library.nvmlDeviceGetTemperature, handle, library.NVML_TEMPERATURE_GPU), 1),
            (POWER_TOTAL, get(library.nvmlDeviceGetPowerUsage, handle), 1e-3),
            (ENERGY, get(library.nvmlDeviceGetTotalEnergyConsumption, handle), 1e-3),
            (LOAD, getattr(get(library.nvmlDeviceGetUtilizationRates, handle), "gpu", None), 1),
            (MEMORY_USED, getattr(get(library.nvmlDeviceGetMemoryInfo, handle), "used", None), 1),
            (THROTTLE_REASONS, get(self._reasons(), handle), 1),
        ]
        readings = [quantity.of(source, value * scale) for quantity, value, scale in values if value is not None]
        processes = [
            PROCESS_MEMORY.of(f"{source} pid {one.pid}", one.usedGpuMemory or 0) for one in self._processes(handle)
        ]
        return readings + processes

    def _reasons(self) -> Callable[..., Any]:
        # Renamed with driver 535.
        newer = getattr(self._library, "nvmlDeviceGetCurrentClocksEventReasons", None)
        found: Callable[..., Any] = newer or self._library.nvmlDeviceGetCurrentClocksThrottleReasons
        return found

    def _get(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._library.NVMLError:
            return None


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None and value != {}}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
