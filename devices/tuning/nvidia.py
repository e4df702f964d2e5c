"""The clocks of NVIDIA GPUs, by nvidia-smi. Only when asked for: a GPU that is shared keeps its settings."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.devices import numerals
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import TIMEOUT_S, Operation, as_root, attempt, run_checked


class LockedGpuClocks(Operation):
    """All GPUs at the greatest SM clock that they can be asked for. Whether they hold it shows in the readings."""

    name = "gpu_clocks"

    def available(self, transport: Transport) -> str | None:
        found = attempt(transport, ["nvidia-smi", "-L"])
        if found is None or found.returncode != 0:
            return "nvidia-smi does not run on the device"
        return None if self._greatest_mhz(transport) else "the GPU does not say what its greatest clock is"

    def show(self, transport: Transport) -> str | None:
        found = attempt(transport, self._query("clocks.sm"))
        return found.stdout.strip().replace("\n", ", ") or None if found and found.returncode == 0 else None

    def apply(self, transport: Transport) -> None:
        wanted = self._greatest_mhz(transport)
        if wanted is None:
            raise DeviceError("the GPU does not say what its greatest clock is", "measure without --lock-clocks")
        run_checked(transport, ["nvidia-smi", f"--lock-gpu-clocks={wanted},{wanted}"], "locking the GPU's clocks")

    def restore(self, transport: Transport) -> Sequence[str]:
        return as_root(transport, ["nvidia-smi", "--reset-gpu-clocks"])

    def _greatest_mhz(self, transport: Transport) -> int | None:
        """Of the slowest GPU, so that all of them can hold it."""
        completed = transport.run(self._query("clocks.max.sm"), timeout_s=TIMEOUT_S)
        values = [mhz for word in completed.stdout.split() if (mhz := numerals.count(word)) is not None]
        return min(values) if completed.returncode == 0 and values else None

    @staticmethod
    def _query(what: str) -> list[str]:
        return ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
