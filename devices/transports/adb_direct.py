"""Backend `adb-shell`: straight to the device's daemon over TCP or USB, without a server in between.

adb-shell reads from a socket that the daemon closed until its time is over, sends what a full socket takes and drops
the rest, and offers exit codes and a separate stderr only through a method that is not public. So TCP has a transport
of its own here, the frames of shell protocol v2 are read here, and each command over TCP has a connection to itself.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from latency_bench.devices.errors import InventoryError, UnreachableError
from latency_bench.devices.transports.adb_keys import load_signer
from latency_bench.devices.transports.adb_link import STDERR, STDOUT, AdbLink, AdbStream, gone, unauthorised
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_words import transfer_error

_CONNECT_S = 10.0
_AUTHORISE_S = 10.0
_SILENCE_S = 10.0
"""The device speaks every two seconds (adb_script.py): five missed signs of life are no accident."""
_KINDS = {1: STDOUT, 2: STDERR}
_EXIT = 3


class AdbDirectLink(AdbLink):
    def __init__(self, options: AdbOptions) -> None:
        version = _require()
        self._signer = load_signer(options.key)
        self.facts = {"backend": "adb-shell", "version": version}
        self._usb: _Connection | None = None
        # One interface, one connection: a second command has to wait for the first.
        self._usb_busy = threading.Lock()
        if options.host is not None:
            self.description = f"{options.host}:{options.port}"
            self._address: tuple[str, int] | None = (options.host, options.port)
            self._connect().close()
        else:
            self._address = None
            self.parallel = False
            self.description = _usb_serial(options.serial)
            self._usb = self._connect()

    def start(self, script: str) -> AdbStream:
        return _DirectStream(self._borrow(), script)

    def push(self, local: Path, remote: str) -> None:
        with contextlib.closing(self._borrow()) as connection:
            connection.attempt(lambda device, limits: device.push(str(local), remote, st_mode=0o100755, **limits))

    def pull(self, remote: str, local: Path) -> None:
        with contextlib.closing(self._borrow()) as connection:
            connection.attempt(lambda device, limits: device.pull(remote, str(local), **limits))

    def close(self) -> None:
        if self._usb is not None:
            self._usb.shut()

    def _borrow(self) -> _Connection:
        if self._address is not None:
            return self._connect()
        self._usb_busy.acquire()
        try:
            if self._usb is None or self._usb.broken:
                self._usb = self._connect()
        except BaseException:
            self._usb_busy.release()
            raise
        self._usb.on_close = self._usb_busy.release
        return self._usb

    def _connect(self) -> _Connection:
        from adb_shell.adb_device import AdbDevice, AdbDeviceUsb

        if self._address is not None:
            transport = _tcp_transport(*self._address)
            device = AdbDevice(transport)
            shut: Callable[[], None] = transport.close
        else:
            device = AdbDeviceUsb(serial=self.description)
            shut = device.close
        return _Connection(self.description, device, shut, self._signer, own=self._address is not None)


class _Connection:
    """One connection to the daemon."""

    def __init__(self, description: str, device: Any, shut: Callable[[], None], signer: Any, own: bool) -> None:
        from adb_shell import exceptions

        self._description, self._device, self._own = description, device, own
        self.shut = shut
        self.broken = False
        self.on_close: Callable[[], None] | None = None
        asked = threading.Event()
        try:
            device.connect(
                rsa_keys=[signer],
                transport_timeout_s=_CONNECT_S,
                read_timeout_s=_CONNECT_S,
                auth_timeout_s=_AUTHORISE_S,
                auth_callback=lambda _: asked.set(),
            )
        except exceptions.InvalidCommandError:
            shut()
            raise UnreachableError(
                f"the device {description} wants an encrypted connection (Android 11's wireless debugging)",
                "use `adb: {backend: program}` after `adb pair`, or `adb tcpip 5555` over USB once",
            ) from None
        except Exception as error:
            shut()
            if asked.is_set() or isinstance(error, exceptions.DeviceAuthError):
                raise unauthorised(description) from None
            raise UnreachableError(
                f"cannot connect to {description}: {_words(error)}",
                "check cable or network and that debugging is on; over USB, `adb kill-server` frees the interface",
            ) from None

    def attempt(self, action: Callable[[Any, dict[str, float]], Any]) -> None:
        """Run one transfer, its errors in our words."""
        from adb_shell import exceptions

        try:
            action(self._device, {"transport_timeout_s": _SILENCE_S, "read_timeout_s": _SILENCE_S})
        except (exceptions.AdbCommandFailureException, exceptions.PushFailedError) as error:
            self.broken = True
            raise transfer_error(self._description, str(error), "the transfer failed") from None
        except Exception as error:
            self.broken = True
            raise gone(self._description, _words(error)) from None

    def frames(self, script: str) -> Iterator[tuple[str, bytes]]:
        """Output of `script` as it arrives. Raises UnreachableError when the link breaks."""
        pending = b""
        try:
            # Not public, but the only way to shell protocol v2: the public methods mix stderr into stdout.
            for data in self._device._streaming_command(b"shell,v2,raw", script.encode(), _SILENCE_S, _SILENCE_S, None):
                pending += data
                while len(pending) >= 5:
                    kind, size = struct.unpack_from("<BI", pending)
                    if len(pending) < 5 + size:
                        break
                    payload, pending = pending[5 : 5 + size], pending[5 + size :]
                    if kind in _KINDS:
                        yield _KINDS[kind], payload
                    elif kind == _EXIT:
                        return
        except Exception as error:
            self.broken = True
            raise gone(self._description, _words(error)) from None

    def close(self) -> None:
        if self._own or self.broken:
            self.shut()
        if self.on_close is not None:
            release, self.on_close = self.on_close, None
            release()


class _DirectStream(AdbStream):
    def __init__(self, connection: _Connection, script: str) -> None:
        super().__init__()
        self._connection = connection
        self._stopped = threading.Event()
        self._finished = threading.Event()
        threading.Thread(target=self._read, args=(script,), daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        if not self._finished.is_set():
            # Nothing but the end of the connection ends the command's input.
            self._connection.broken = True
        self._connection.close()

    def _read(self, script: str) -> None:
        try:
            for chunk in self._connection.frames(script):
                while not self._stopped.is_set():
                    with contextlib.suppress(Exception):
                        self.chunks.put(chunk, timeout=0.2)
                        break
            self._finished.set()
            self._put(None)
        except UnreachableError as error:
            self._put(error)

    def _put(self, last: Exception | None) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(Exception):
                self.chunks.put(last, timeout=0.2)
                return


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _require() -> str:
    try:
        import adb_shell
    except ImportError:
        raise InventoryError("adb-shell is not installed", "install the extra [android] (README.md says how)") from None
    return str(adb_shell.__version__)


def _usb_serial(serial: str | None) -> str:
    """The serial of the only device on USB, or `serial` if it is there."""
    try:
        from adb_shell.transport.usb_transport import UsbTransport

        found = [str(one.serial_number) for one in UsbTransport.find_all_adb_devices()]
    except Exception as error:
        raise UnreachableError(
            f"USB cannot be searched for devices: {_words(error)}",
            "install the extra [android], and let your user open the device (udev), or use the program",
        ) from None
    if serial is not None and serial in found:
        return serial
    if serial is None and len(found) == 1:
        return found[0]
    if serial is None and len(found) > 1:
        raise InventoryError(
            f"{len(found)} Android devices are attached: {', '.join(sorted(found))}",
            "say which one with `adb: {serial: ...}` in devices.yaml",
        )
    what = f"the device {serial} is not on USB" if serial else "no Android device is on USB"
    raise UnreachableError(what, "check the cable and that USB debugging is on; `adb: {host: ...}` goes over TCP")


def _tcp_transport(host: str, port: int) -> Any:
    """adb-shell's transport over a TCP socket that says when the other end is gone, and sends everything."""
    from adb_shell.transport.base_transport import BaseTransport

    class Tcp(BaseTransport):  # type: ignore[misc]
        def __init__(self) -> None:
            self._socket: socket.socket | None = None

        def connect(self, transport_timeout_s: float | None) -> None:
            self._socket = socket.create_connection((host, port), timeout=transport_timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
            data = self._open(transport_timeout_s).recv(numbytes)
            if not data:
                raise ConnectionError("the connection was closed")
            return data

        def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
            self._open(transport_timeout_s).sendall(data)
            return len(data)

        def close(self) -> None:
            if self._socket is not None:
                # A thread that waits in recv wakes up from shutdown, not from close.
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                self._socket.close()

        def _open(self, timeout_s: float | None) -> socket.socket:
            if self._socket is None:
                raise ConnectionError("not connected")
            self._socket.settimeout(timeout_s)
            return self._socket

    return Tcp()
