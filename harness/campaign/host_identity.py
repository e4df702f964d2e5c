"""Which computer answers, and with which software: what must not change while a campaign runs."""

from __future__ import annotations

import hashlib
import socket
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

_MACHINE_ID = Path("/etc/machine-id")


class HostIdentity(BaseModel):
    """A host as it states itself with every answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=253, pattern=r"^[\x21-\x7e]+$")
    machine: str | None = Field(default=None, max_length=64)
    """Hash of the installation's id: the same after a restart, another on another computer. None: it has none."""
    version: str = Field(max_length=100)
    """Of this program."""
    commit: str | None = Field(default=None, max_length=100)
    """Of a checkout, with `+` behind it where files were changed."""
    packages: dict[str, str] = Field(default_factory=dict, max_length=100)
    """Versions of what exports and measures."""

    def is_same_computer(self, other: HostIdentity) -> bool:
        """Two of one name that have no id are taken for the same."""
        return (self.name, self.machine) == (other.name, other.machine)

    def software_differences(self, other: HostIdentity) -> list[str]:
        """In words, what `other` has in another version; packages that only one of them has are none."""
        found = []
        if self.version != other.version:
            found.append(f"bench {other.version} instead of {self.version}")
        elif self.commit is not None and other.commit is not None and self.commit != other.commit:
            found.append(f"bench at commit {other.commit[:12]} instead of {self.commit[:12]}")
        for name in sorted(self.packages.keys() & other.packages.keys()):
            if self.packages[name] != other.packages[name]:
                found.append(f"{name} {other.packages[name]} instead of {self.packages[name]}")
        return found


@cache
def this_host() -> HostIdentity:
    """Asked once for a process: what is imported already does not change with what is installed."""
    from latency_bench.harness.software import software

    facts = software()
    packages = dict(facts["packages"])
    commit = facts.get("git_commit")
    return HostIdentity(
        name=socket.gethostname(),
        machine=_machine(),
        version=packages.pop("latency-bench", "unknown"),
        commit=f"{commit}{'+' if facts.get('git_dirty') else ''}" if commit else None,
        packages={"python": facts["python"], **packages},
    )


def _machine() -> str | None:
    """Hashed, as the id itself is to be kept from others (man machine-id)."""
    try:
        text = _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return hashlib.sha256(f"latency-bench {text}".encode()).hexdigest()[:16] if text else None
