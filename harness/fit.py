"""Does a model fit the device? Said before it starts, by numbers, and not by dying."""

from __future__ import annotations

from collections.abc import Iterable

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.readings import MEMORY_AVAILABLE, Reading
from latency_bench.harness.export import Artifact

_GB = 1e9


class TooLargeError(DeviceError):
    """The model needs more memory than the device has free."""

    kind = "too-large"


def check_fits(artifact: Artifact, readings: Iterable[Reading]) -> None:
    """Compare what the export counted with what the device has free now. Nothing is claimed where either is unknown.

    The estimate is of fp32 operators run one by one, so what is refused here is beyond hope: raises TooLargeError.
    """
    weights_bytes = artifact.facts.get("weights_bytes")
    activations_bytes = artifact.facts.get("activations_bytes")
    available_bytes = free_bytes(readings)
    if weights_bytes is None or activations_bytes is None or available_bytes is None:
        return
    needed_bytes = weights_bytes + activations_bytes
    if needed_bytes > available_bytes:
        raise TooLargeError(
            f"the model needs about {needed_bytes / _GB:.1f} GB (weights {weights_bytes / _GB:.1f}, activations "
            f"{activations_bytes / _GB:.1f}; the file has {artifact.size_bytes / _GB:.1f}), the device has "
            f"{available_bytes / _GB:.1f} GB free",
            "choose a smaller --resolution or --batch, or another device",
        )


def estimated_bytes(artifact: Artifact) -> float | None:
    """What a model needs by what the export counted, weights and activations; None where that is unknown."""
    weights_bytes, activations_bytes = artifact.facts.get("weights_bytes"), artifact.facts.get("activations_bytes")
    return None if weights_bytes is None or activations_bytes is None else float(weights_bytes + activations_bytes)


def free_bytes(readings: Iterable[Reading]) -> float | None:
    """What the device has free now, of the machine and of the container the smaller; None where no probe tells."""
    return min((one.value for one in readings if one.quantity == MEMORY_AVAILABLE.name), default=None)
