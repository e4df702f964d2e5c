"""NVML by nvidia-ml-py (`pynvml`), imported when it is needed. A value that a GPU does not support is absent."""

from __future__ import annotations

from collections.abc import Iterable
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
        # The second is of a package that finds a driver older than itself, and no NVMLError.
        mismatch = getattr(library, "NVMLLibraryMismatchError", None)
        self._refusals = (library.NVMLError,) if mismatch is None else (library.NVMLError, mismatch)
        try:
            library.nvmlInit()
            count = library.nvmlDeviceGetCount()
        except library.NVMLError as error:
            raise NvmlError(str(error)) from None
        # One that does not answer keeps its place: the others are counted behind it.
        self._gpus = [self._ask("nvmlDeviceGetHandleByIndex", number) for number in range(count)]
        if self._gpus and all(handle is None for handle in self._gpus):
            raise NvmlError("no GPU answers")

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
        facts = {
            "driver": _text(self._ask("nvmlSystemGetDriverVersion")),
            "cuda_driver": self._ask("nvmlSystemGetCudaDriverVersion"),
            "gpus": [{} if handle is None else _known(self._gpu(handle)) for handle in self._gpus],
        }
        return _known(facts)

    def readings(self) -> list[Reading]:
        """Of every GPU: clocks, temperature, power, energy so far, load, memory, throttle reasons, processes."""
        found = [
            reading
            for number, handle in enumerate(self._gpus)
            if handle is not None
            for reading in self._of_gpu(f"gpu{number}", handle)
        ]
        if self._gpus and not found:
            raise NvmlError("no GPU answers any more")
        return found

    def close(self) -> None:
        self._ask("nvmlShutdown")

    def _gpu(self, handle: Any) -> dict[str, Any]:
        ask, library = self._ask, self._library
        limit_mw = ask("nvmlDeviceGetEnforcedPowerLimit", handle)
        slowdown = library.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
        processes = self._processes(handle)
        return {
            "model": _text(ask("nvmlDeviceGetName", handle)),
            "uuid": _text(ask("nvmlDeviceGetUUID", handle)),
            "pci_bus_id": _text(getattr(ask("nvmlDeviceGetPciInfo", handle), "busId", None)),
            "memory_total_bytes": getattr(ask("nvmlDeviceGetMemoryInfo", handle), "total", None),
            "clocks_mhz": _known({name: self._clocks(handle, kind) for name, kind in self._clock_kinds()}),
            "power_limit_w": None if limit_mw is None else limit_mw / 1000,
            "slowdown_temperature_c": ask("nvmlDeviceGetTemperatureThreshold", handle, slowdown),
            "pcie": _known(
                {
                    "generation": ask("nvmlDeviceGetCurrPcieLinkGeneration", handle),
                    "width": ask("nvmlDeviceGetCurrPcieLinkWidth", handle),
                    "max_generation": ask("nvmlDeviceGetMaxPcieLinkGeneration", handle),
                    "max_width": ask("nvmlDeviceGetMaxPcieLinkWidth", handle),
                }
            ),
            "persistence_mode": ask("nvmlDeviceGetPersistenceMode", handle),
            "ecc": (ask("nvmlDeviceGetEccMode", handle) or (None,))[0],
            "mig": (ask("nvmlDeviceGetMigMode", handle) or (None,))[0],
            "processes": None if processes is None else [_known(self._process(one)) for one in processes],
        }

    def _clock_kinds(self) -> list[tuple[str, Any]]:
        return [("sm", self._library.NVML_CLOCK_SM), ("memory", self._library.NVML_CLOCK_MEM)]

    def _clocks(self, handle: Any, kind: Any) -> dict[str, Any]:
        return _known(
            {
                "current": self._ask("nvmlDeviceGetClockInfo", handle, kind),
                "max": self._ask("nvmlDeviceGetMaxClockInfo", handle, kind),
            }
        )

    def _processes(self, handle: Any) -> list[Any] | None:
        """None where they cannot be asked for. A package that is newer than the driver refuses the plain name."""
        found: list[Any] | None = self._ask_first(
            ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetComputeRunningProcesses_v2"), handle
        )
        return found

    def _process(self, one: Any) -> dict[str, Any]:
        return {"pid": one.pid, "name": _text(self._ask("nvmlSystemGetProcessName", one.pid))}

    def _of_gpu(self, source: str, handle: Any) -> list[Reading]:
        ask, library = self._ask, self._library
        # The reasons were renamed with driver 535: an older driver knows the old name alone, as an older package does.
        reasons = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
        values: list[tuple[Quantity, Any, float]] = [
            (FREQUENCY, ask("nvmlDeviceGetClockInfo", handle, library.NVML_CLOCK_SM), 1),
            (MEMORY_FREQUENCY, ask("nvmlDeviceGetClockInfo", handle, library.NVML_CLOCK_MEM), 1),
            (TEMPERATURE, ask("nvmlDeviceGetTemperature", handle, library.NVML_TEMPERATURE_GPU), 1),
            (POWER_TOTAL, ask("nvmlDeviceGetPowerUsage", handle), 1e-3),
            (ENERGY, ask("nvmlDeviceGetTotalEnergyConsumption", handle), 1e-3),
            (LOAD, getattr(ask("nvmlDeviceGetUtilizationRates", handle), "gpu", None), 1),
            (MEMORY_USED, getattr(ask("nvmlDeviceGetMemoryInfo", handle), "used", None), 1),
            (THROTTLE_REASONS, self._ask_first(reasons, handle), 1),
        ]
        readings = [quantity.of(source, value * scale) for quantity, value, scale in values if value is not None]
        processes = [
            PROCESS_MEMORY.of(f"{source} pid {one.pid}", one.usedGpuMemory or 0)
            for one in self._processes(handle) or ()
        ]
        return readings + processes

    def _ask_first(self, names: Iterable[str], *arguments: Any) -> Any:
        """The first answer that is one."""
        answers = (self._ask(name, *arguments) for name in names)
        return next((answer for answer in answers if answer is not None), None)

    def _ask(self, name: str, *arguments: Any) -> Any:
        """None where the GPU does not support it, the driver lacks it, or the package does."""
        try:
            return getattr(self._library, name)(*arguments)
        except (AttributeError, *self._refusals):
            return None


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None and value != {}}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
