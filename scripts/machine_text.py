"""A machine in one line of a page."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.store.subject import DeviceRecord


def machine_text(device: DeviceRecord) -> str:
    """What a run was measured on: processor, memory and system."""
    linux: dict[str, Any] = device.fingerprint["linux"]
    cpu = linux["cpu"]
    vectors = [name for name in cpu["vector_extensions"] if name.startswith(("avx", "fma", "amx"))]
    return (
        f"{cpu['model']} (family-model-stepping {cpu['family_model_stepping']}, {', '.join(vectors)}), "
        f"{cpu['logical_cpus']} cores, {linux['memory_total_bytes'] / 1e9:.0f} GB, {linux['os']}, kernel "
        f"{linux['kernel'].split('-')[0]}, {linux['virtualised']}"
    )
