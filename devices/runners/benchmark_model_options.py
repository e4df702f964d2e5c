"""What devices.yaml says of TFLite's benchmark tool."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from latency_bench.devices.runners.program_options import ProgramOptions


class BenchmarkModelOptions(ProgramOptions):
    """The field `benchmark_model` of a device. Of an NPU its dispatch library (libLiteRtDispatch_*.so) and the vendor's
    own belong to `libraries`, of a GPU its accelerator."""

    runs: int = Field(default=20, ge=1, le=100_000)
    """Inferences of one process, after its warm-up. A sample is the median of these (the mean, where the tool prints
    no median), so that many short processes give a distribution."""
    warmup_runs: int = Field(default=5, ge=1, le=100_000)
    """Inferences of one process before the tool's clock counts."""
    max_process_s: float = Field(default=150.0, gt=0, le=3600)
    """The tool stops a process's runs after this time; fewer than `runs` is then an error, not a number."""
    fixed_performance: bool = False
    """Android's fixed performance mode while measuring (Android 11 and up); switched off again afterwards."""
    delegate_library: Path | None = None
    """A delegate of a third party, for the runtime `litert-external`; what it loads itself belongs to `libraries`."""
