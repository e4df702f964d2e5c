"""`ssh:` of a device in devices.yaml."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

# Neither may begin with a hyphen: OpenSSH would read it as an option.
_HOST = r"^[A-Za-z0-9_:\[][A-Za-z0-9_.:%\[\]-]{0,253}$"
_USER = r"^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}$"
_JUMP = r"^[A-Za-z0-9_][A-Za-z0-9_.@:%\[\]-]{0,320}$"


class SshOptions(BaseModel):
    """How a host is reached. What is left out is as ~/.ssh/config has it for this host."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: str = Field(pattern=_HOST)
    """Name, address, or an alias of ~/.ssh/config."""
    user: str | None = Field(default=None, pattern=_USER)
    port: int | None = Field(default=None, ge=1, le=65535)
    key: Path | None = None
    """Private key; then no other is tried. By default the agent's keys and those of ~/.ssh/config."""
    jump: str | None = Field(default=None, pattern=_JUMP)
    """Host to go through, as [user@]host[:port]. Its host key is verified too."""
    known_hosts: Path | None = None
    """File of known host keys instead of ~/.ssh/known_hosts."""
    work_directory: str = Field(default=".cache/bench", min_length=1, pattern=r"^[^\x00-\x1f\x7f-]")
    """On the device, relative to the home: pushed models (kept, by content) and a folder for each session (removed)."""
    connect_timeout_s: int = Field(default=15, ge=1, le=600)
    silence_s: int = Field(default=30, ge=3, le=600)
    """A link that is silent for so long is lost: the host gives up, and the device ends what runs there."""
