"""Which computer answers, and with which software: what must not change while a campaign runs."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterable
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

    @property
    def label(self) -> str:
        """For people: two computers of one name are told apart."""
        return f"{self.name} (machine {self.machine[:8]})" if self.machine else self.name

    def is_same_computer(self, other: HostIdentity) -> bool:
        """Two of one name that have no id are taken for the same."""
        return (self.name, self.machine) == (other.name, other.machine)

    def program_differences(self, other: HostIdentity) -> list[str]:
        """In words, in what its version of this program differs from `other`'s; a commit that one has not is none."""
        if self.version != other.version:
            return [f"bench {other.version} instead of {self.version}"]
        if self.commit is not None and other.commit is not None and self.commit != other.commit:
            return [f"bench at commit {_short(other.commit)} instead of {_short(self.commit)}"]
        return []

    def package_differences(self, other: HostIdentity, packages: Iterable[str]) -> list[str]:
        """In words, which of these packages `other` has in another version; one that it lacks is no difference."""
        return [
            f"{name} {other.packages[name]} instead of {self.packages[name]}"
            for name in sorted(packages)
            if name in self.packages and name in other.packages and self.packages[name] != other.packages[name]
        ]


def _short(commit: str) -> str:
    return f"{commit[:12]}{'+' if commit.endswith('+') else ''}"


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
        packages=packages,
    )


def _machine() -> str | None:
    """Hashed, as the id itself is to be kept from others (man machine-id)."""
    try:
        text = _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return hashlib.sha256(f"latency-bench {text}".encode()).hexdigest()[:16] if text else None
