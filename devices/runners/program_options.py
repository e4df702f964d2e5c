"""What devices.yaml says of a native program that is brought to a device."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ProgramOptions(BaseModel):
    """The fields of any such program."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    binary: Path | None = None
    """The program's file on this computer, for the device's processor; it is pushed, and its hash recorded."""
    remote_binary: str | None = Field(default=None, pattern=r"^/[^\x00-\x1f]+$")
    """The program's path on the device, where it is there already."""
    libraries: tuple[Path, ...] = ()
    """Files of this computer that the program loads on the device. They are pushed once, and their hashes recorded."""

    @model_validator(mode="after")
    def _one_place(self) -> ProgramOptions:
        if self.binary is not None and self.remote_binary is not None:
            raise ValueError("give `binary` (on this computer) or `remote_binary` (on the device), not both")
        return self
