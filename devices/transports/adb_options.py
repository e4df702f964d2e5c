"""What devices.yaml says of an Android device's link."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class AdbOptions(BaseModel):
    """The field `adb` of a device."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    serial: str | None = Field(default=None, pattern=r"^[A-Za-z0-9(][A-Za-z0-9._:\-\[\]%() ]{0,127}$")
    """As `adb devices` prints it, or the phone's own, by which it is found over wireless debugging whatever name and
    port it has there today. It may be left out while exactly one device is attached; with several it has to be given:
    which one answers first is no choice."""
    host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9.:\-]{0,252}$")
    """Address of a device that listens for ADB on TCP."""
    port: int = Field(default=5555, ge=1, le=65535)
    backend: Literal["program", "adb-shell"] = "program"
    """`program`: the adb program and its server, shared with Android Studio; it knows USB, wireless pairing and TCP.
    `adb-shell`: straight to the device over TCP (`host`) or USB (`serial`), without a server; no pairing."""
    program: str | None = None
    """Path of adb; by default the one in PATH, else the one that comes with the package adbutils."""
    key: Path | None = None
    """Private key for `adb-shell`; by default ~/.android/adbkey, which the adb program uses too. Created if missing."""
    folder: str = Field(default="/data/local/tmp/bench", pattern=r"^/[A-Za-z0-9._/\-]+$")
    """Folder on the device that bench keeps its files in. It has to be on a file system that programs may run from."""

    @model_validator(mode="after")
    def _one_address(self) -> AdbOptions:
        if self.host is not None and self.serial is not None:
            raise ValueError("give `serial` or `host`, not both")
        if ".." in self.folder.split("/"):
            raise ValueError("folder: no `..` in it")
        return self
