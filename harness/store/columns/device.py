"""Where it ran."""

from __future__ import annotations

from latency_bench.harness.store.columns.column import Column


def _processor(gpu: object, cpu: object) -> str | None:
    """As the runtime names its GPU, else as the system names its CPU."""
    return next((name for name in (gpu, cpu) if isinstance(name, str)), None)


COLUMNS = (
    Column("device", "Name of the device.", "text", ("device.name",)),
    Column("transport", "How it was reached: local, ssh, adb.", "text", ("device.transport",)),
    Column("runner", "What executed there: worker, trtexec, benchmark_model.", "text", ("device.runner",)),
    Column(
        "processor",
        "Model of the GPU where the runtime used one, else of the CPU; null if unknown.",
        "text",
        ("runtime.facts.gpu.name", "device.fingerprint.linux.cpu.model"),
        _processor,
    ),
)
