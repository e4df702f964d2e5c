"""Starting OpenSSH's server on loopback, so that what answers on its port is the server and nothing else."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from pathlib import Path

_PATIENCE_S = 120


def unused_port() -> int:
    """A port on loopback that nothing listens on and that the kernel gives to no outgoing connection.

    A port of the kernel's own range would not do: until the server listens, a client that knocks there may be given
    this very port for its own end and so reach itself, or another test's connection may take it between two starts.
    """
    low, high = (int(word) for word in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [port for port in range(10_000, 65_536) if not low <= port <= high] or list(range(10_000, 65_536))
    for port in random.sample(ports, min(len(ports), 100)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("none of 100 ports on loopback is free")


def started(arguments: list[str], log: Path, port: int) -> subprocess.Popen[bytes]:
    """The server, once its own log (`-e`) says that it listens on the port. RuntimeError with the log if it ended."""
    with log.open("ab") as file:
        before_bytes = file.tell()
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=file)
    until_s = time.monotonic() + _PATIENCE_S
    while f"Server listening on 127.0.0.1 port {port}.".encode() not in log.read_bytes()[before_bytes:]:
        if process.poll() is not None or time.monotonic() > until_s:
            process.kill()
            process.wait()
            raise RuntimeError(log.read_bytes()[before_bytes:].decode(errors="replace"))
        time.sleep(0.02)
    return process
