"""Which Dask scheduler, and how its hosts prove who they are."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    from distributed import Security

_ADDRESS = re.compile(r"(?:(tls|tcp)://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):(\d{1,5})")


@dataclass(frozen=True)
class Tls:
    """PEM files: who signs everybody's certificate, ours, and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class ClusterSettings:
    """A scheduler that may be talked to."""

    address: str
    """tls://HOST:PORT or tcp://HOST:PORT."""
    tls: Tls | None
    is_loopback: bool

    def security(self) -> Security:
        """What Dask is told: with TLS, both ends have to show a certificate of our authority."""
        from distributed import Security

        if self.tls is None:
            return Security()
        files = {"cert": str(self.tls.certificate), "key": str(self.tls.key)}
        return Security(
            require_encryption=True,
            tls_ca_file=str(self.tls.ca),
            **{f"tls_{role}_{part}": path for role in ("client", "worker") for part, path in files.items()},
        )


def cluster_settings(
    scheduler: str | None, tls_ca: Path | None, tls_cert: Path | None, tls_key: Path | None, insecure: bool
) -> ClusterSettings | None:
    """From the command line's options; None without a scheduler.

    Raises UsageError for an address that is none, for TLS by halves, and for a connection that others could join (on
    this computer its other users), unless that is what was asked for (`insecure`).
    """
    files = [path for path in (tls_ca, tls_cert, tls_key) if path is not None]
    if scheduler is None:
        if files or insecure:
            raise UsageError("--tls-ca, --tls-cert, --tls-key and --insecure belong to a --scheduler")
        return None
    found = _ADDRESS.fullmatch(scheduler)
    if found is None or not 0 < int(found[3]) < 65536:
        raise UsageError(f"{scheduler[:100]!r} is not the address of a scheduler; write tls://HOST:PORT")
    if len(files) not in (0, 3):
        raise UsageError("TLS needs all three of --tls-ca, --tls-cert and --tls-key")
    kind = found[1] or ("tls" if files else "tcp")
    if (kind == "tls") != bool(files):
        raise UsageError(
            f"{kind}:// and certificates do not go together: give --tls-ca, --tls-cert and --tls-key for tls://, none "
            "of them for tcp://"
        )
    if not files and not insecure:
        raise UsageError(
            f"{scheduler} is reached without TLS: whoever can connect there could run code on every host. Give "
            "--tls-ca, --tls-cert and --tls-key (`bench host certificates` makes them), or --insecure"
        )
    loopback = _is_loopback(found[2])
    tls = Tls(files[0], files[1], files[2]) if files else None
    return ClusterSettings(f"{kind}://{found[2]}:{found[3]}", tls, loopback)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
