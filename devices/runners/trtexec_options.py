"""`trtexec:` of a device in devices.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrtexecOptions(BaseModel):
    """TensorRT's own benchmark tool on the device."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    program: str = Field(default="/usr/src/tensorrt/bin/trtexec", min_length=1, pattern=r"^[^-\x00-\x1f]")
    """Where JetPack puts it."""
    workspace_mib: int | None = Field(default=None, ge=1)
    """Memory that building may use; by default a quarter of the device's."""
    build_timeout_s: float = Field(default=3600, gt=0)
    """A Nano builds for tens of minutes."""
