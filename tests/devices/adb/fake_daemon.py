"""A daemon that is no help: it asks for a key again and again, never answers, or is too old for what a shell needs."""

from __future__ import annotations

import os
import socket
import struct
import threading


class FakeDaemon:
    """Speaks as much of the protocol as it takes to ask for a key again and again, or to be an old device that has no
    feature (`old`); or says nothing at all."""

    def __init__(self, ask: bool, port: int, old: bool = False) -> None:
        self._ask = ask
        self._old = old
        self._socket = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # A thread that waits in accept wakes up from shutdown, not from close.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while header := connection.recv(24, socket.MSG_WAITALL):
                size = struct.unpack("<6I", header)[3]
                if size:
                    connection.recv(size, socket.MSG_WAITALL)
                if self._old and struct.unpack("<6I", header)[0] == int.from_bytes(b"CNXN", "little"):
                    connection.sendall(_message(b"CNXN", 0x01000000, 4096, b"device::ro.product.name=old;"))
                if self._ask and struct.unpack("<6I", header)[1] != 3:
                    connection.sendall(_message(b"AUTH", 1, 0, os.urandom(20)))


def _message(command: bytes, first: int, second: int, data: bytes) -> bytes:
    number = int.from_bytes(command, "little")
    return struct.pack("<6I", number, first, second, len(data), sum(data), number ^ 0xFFFFFFFF) + data
