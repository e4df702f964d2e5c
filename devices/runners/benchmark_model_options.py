"""What devices.yaml says of TFLite's benchmark tool."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class BenchmarkModelOptions(BaseModel):
    """The field `benchmark_model` of a device."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    binary: Path | None = None
    """The tool's file on this computer, for the device's processor; it is pushed, and its hash recorded."""
    remote_binary: str | None = Field(default=None, pattern=r"^/[^\x00-\x1f]+$")
    """The tool's path on the device, where it is there already."""
    runs: int = Field(default=20, ge=1, le=100_000)
    """Inferences of one process, after its warm-up. A sample is the median of these (the mean, where the tool prints
    no median), so that many short processes give a distribution."""
    warmup_runs: int = Field(default=5, ge=1, le=100_000)
    """Inferences of one process before the tool's clock counts."""
    max_process_s: float = Field(default=150.0, gt=0, le=3600)
    """The tool stops a process's runs after this time; fewer than `runs` is then an error, not a number."""
    fixed_performance: bool = False
    """Android's fixed performance mode while measuring (Android 11 and up); switched off again afterwards."""

    libraries: tuple[Path, ...] = ()
    """Files of this computer that the tool loads on the device: of an NPU its dispatch library (libLiteRtDispatch_*.so)
    and the vendor's own, of a GPU its accelerator. They are pushed once, and their hashes recorded."""
    delegate_library: Path | None = None
    """A delegate of a third party, for the runtime `litert-external`; what it loads itself belongs to `libraries`."""

    @model_validator(mode="after")
    def _one_place(self) -> BenchmarkModelOptions:
        if self.binary is not None and self.remote_binary is not None:
            raise ValueError("give `binary` (on this computer) or `remote_binary` (on the device), not both")
        return self
