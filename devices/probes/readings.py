"""Readings of a machine, and the quantities that they are of: each is declared here once, with its unit."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Reading:
    """One value read from the machine. `time_ns` is the host's clock (Unix time) when it was read."""

    source: str
    """Who says so: `cpu3`, `gpu0`, a sensor, a power rail, `system`."""
    quantity: str
    """Name of a Quantity."""
    value: float
    unit: str
    time_ns: int = 0

    def at(self, time_ns: int) -> Reading:
        return replace(self, time_ns=time_ns)


@dataclass(frozen=True)
class Quantity:
    """What a reading is of. A probe of a third party declares its own in the same way."""

    name: str
    unit: str
    meaning: str

    def of(self, source: str, value: float) -> Reading:
        return Reading(source, self.name, float(value), self.unit)


FREQUENCY = Quantity("frequency", "MHz", "Clock of a core (`cpu3`), of a GPU (`gpu0`) or of the memory (`memory`).")
MEMORY_FREQUENCY = Quantity("memory_frequency", "MHz", "Clock of a GPU's own memory.")
TEMPERATURE = Quantity("temperature", "C", "Degrees Celsius at a sensor.")
LOAD = Quantity("load", "%", "Share of the last interval for which a core, GPU or memory was in use.")
LOAD_AVERAGE = Quantity("load_average_1min", "processes", "Processes ready to run, on average over a minute.")
MEMORY_AVAILABLE = Quantity("memory_available", "bytes", "What a new process can have: of the machine, of a container.")
MEMORY_USED = Quantity("memory_used", "bytes", "Memory of a GPU that is taken.")
PROCESS_MEMORY = Quantity("process_memory", "bytes", "Memory of a GPU that one process has (`gpu0 pid 4711`).")
CPU_TIME_BUSY = Quantity("cpu_time_busy", "s", "CPU time since boot for which all cores together were busy.")
CPU_TIME_STEAL = Quantity("cpu_time_steal", "s", "CPU time since boot that the hypervisor gave to others.")
POWER = Quantity("power", "W", "Power of one rail.")
POWER_TOTAL = Quantity("power_total", "W", "Power of the whole: of a GPU, or of a board as the sum of rails (`A+B`).")
ENERGY = Quantity("energy", "J", "Energy of a GPU since its driver was loaded.")
THROTTLE_REASONS = Quantity("throttle_reasons", "bits", "Why a GPU's clock is lower than it could be, as NVML counts.")
PI_THROTTLED = Quantity("pi_throttled", "bits", "Why a Raspberry Pi's clock is or was lowered (`vcgencmd`).")
QUOTA_PERIODS = Quantity("quota_periods", "periods", "Periods of a container's CPU quota in which it ran, so far.")
QUOTA_PERIODS_STOPPED = Quantity("quota_periods_stopped", "periods", "Of those, the ones in which it was stopped.")
QUOTA_STOPPED_TIME = Quantity("quota_stopped_time", "s", "CPU time for which the quota stopped a container, so far.")

QUANTITIES = tuple(value for value in dict(globals()).values() if isinstance(value, Quantity))
"""In the order of this file; docs/store.md lists them."""
