"""NVIDIA GPUs: what they are, and how they feel while they are measured.

By NVML (nvidia-ml-py) on this machine, by `nvidia-smi` on another one or where NVML's package is missing. Nothing is
changed here; locking the clocks is an operation of its own (devices/tuning/nvidia.py). GPUs are counted as NVML does,
by PCI bus. Which of them was measured is found by its UUID (`measured_gpu`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.probes.conditions import Conditions, part
from latency_bench.devices.probes.nvidia_nvml import Nvml, NvmlError
from latency_bench.devices.probes.nvidia_run import (
    measured_gpu,
    nvidia_flags,
    nvidia_foreign_processes,
    nvidia_throttling,
)
from latency_bench.devices.probes.nvidia_smi import smi_facts, smi_readings
from latency_bench.devices.probes.observed import Answer, ObservedRun, ProbeFlag, ThrottleEvidence
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import Operation
from latency_bench.devices.tuning.nvidia import LockedGpuClocks
from latency_bench.devices.tuning.setting import Setting, SettingValue


class NvidiaProbe(Probe):
    name = "nvidia"
    settings = (Setting("lock_clocks", "flag", "Lock the GPU's clock at its greatest (`nvidia-smi`)."),)

    def __init__(self, nvml: Nvml | None = None) -> None:
        self._nvml = nvml
        self._tried = nvml is not None

    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        """Driver, and one entry a GPU: model, memory, clocks, power limit, PCIe, other processes.

        Raises DeviceError where there is no driver to ask.
        """
        if nvml := self._library(transport):
            try:
                return nvml.facts()
            except NvmlError as error:
                raise DeviceError(
                    f"NVML failed: {error}", "look at nvidia-smi; the driver may have been updated"
                ) from None
        return smi_facts(transport)

    def read(self, transport: Transport) -> list[Reading]:
        if nvml := self._library(transport):
            try:
                return nvml.readings()
            except NvmlError as error:
                # The GPU went away: the measurement says so itself, telemetry just ends.
                raise DeviceError(f"NVML failed: {error}", "look at nvidia-smi and dmesg") from None
        return smi_readings(transport)

    def tuning(self, settings: Mapping[str, SettingValue]) -> list[Operation]:
        return [LockedGpuClocks()] if "lock_clocks" in settings else []

    @classmethod
    def conditions(cls, facts: Any, tuned: Mapping[str, Any]) -> Conditions:
        known = facts if isinstance(facts, dict) else {}
        listed = known.get("gpus")
        gpus = [gpu for gpu in listed if isinstance(gpu, dict)] if isinstance(listed, list) else []
        return Conditions.of(
            device={
                "GPUs": [gpu.get("model") for gpu in gpus],
                "GPU PCIe width": [part(gpu, "pcie").get("width", gpu.get("pcie_width")) for gpu in gpus],
            },
            system={
                "NVIDIA driver": known.get("driver"),
                "GPU power limit W": [gpu.get("power_limit_w") for gpu in gpus],
                "GPU ECC": [gpu.get("ecc") for gpu in gpus],
                "GPU MIG": [gpu.get("mig") for gpu in gpus],
                # NVML does not tell a lock of somebody else's; ours is known.
                "GPU clocks locked by bench": "gpu_clocks" in tuned,
            },
        )

    @classmethod
    def measured_gpu(cls, run: ObservedRun) -> str | None:
        return measured_gpu(run) if run.on_gpu else None

    @classmethod
    def throttling(cls, run: ObservedRun) -> ThrottleEvidence:
        return nvidia_throttling(run)

    @classmethod
    def clocks_locked(cls, run: ObservedRun) -> Answer:
        """`yes` where bench locked them, `no` where the clock moved under load. NVML does not tell a lock of others, so
        that a clock that stood still is `unknown`."""
        if run.gpu is None:
            return "unknown"
        return "no" if run.clock_moved() else "yes" if "gpu_clocks" in run.tuned else "unknown"

    @classmethod
    def foreign_processes(cls, run: ObservedRun) -> tuple[str, ...]:
        return nvidia_foreign_processes(run)

    @classmethod
    def flags(cls, run: ObservedRun) -> list[ProbeFlag]:
        return nvidia_flags(run)

    def close(self) -> None:
        if self._nvml is not None:
            self._nvml.close()
            self._nvml = None

    def _library(self, transport: Transport) -> Nvml | None:
        if not self._tried and transport.name == "local":
            self._tried = True
            self._nvml = Nvml.open()
        return self._nvml
