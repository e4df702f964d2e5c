"""One connection to a device: the client's master process, and the agent that answers small questions over it."""

from __future__ import annotations

import contextlib
import queue
import secrets
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.bounded_lines import Collected, LineQueue, batches_of
from latency_bench.devices.transports.lock_script import LEASE_BEAT_S
from latency_bench.devices.transports.ssh_client import (
    check_key,
    client_environment,
    client_options,
    link_error,
    remote_command,
)
from latency_bench.devices.transports.ssh_options import SshOptions
from latency_bench.devices.transports.ssh_scripts import AGENT, LAUNCH

_ANSWER_S = 60.0
_SHOWN_CHARACTERS = 4096
_FAREWELL_S = 60.0
_LONGEST_SOCKET_PATH = 60
"""A socket's path has room for 107 bytes, of which the client takes some for a suffix of its own."""


class SshLink:
    """Open from construction to `close`. Raises UnreachableError where the device cannot be reached.

    The agent is the connection's own session, so that the connection, the agent and this process end together: closing
    our end of the agent's stdin, which the kernel does too if we are killed, makes the agent clean up and end, and with
    it the connection.
    """

    def __init__(self, options: SshOptions) -> None:
        check_key(options)
        self.options = options
        self.nonce = f"@bench-{secrets.token_hex(12)}"
        self._temporary = _short_folder()
        self._folder = self._temporary.path
        self._lock = threading.Lock()
        self._alive: set[subprocess.Popen[bytes]] = set()
        self._beating: set[IO[bytes]] = set()
        self._closed = threading.Event()
        self._deaf = False
        self._lines = LineQueue()
        self._master: subprocess.Popen[bytes] | None = None
        try:
            self._stderr = (self._folder / "stderr").open("w+b")
            self.workdir = self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> str:
        options = self.options
        script = [*_LAUNCHER, AGENT, "bench-agent", self.nonce, options.work_directory, str(options.silence_s)]
        self._master = self._start(["-M", "-S", self._socket], script, self._stderr)
        assert self._master.stdin is not None
        assert self._master.stdout is not None
        threading.Thread(target=_feed, args=(self._master.stdout, self._lines), name="ssh-agent", daemon=True).start()
        threading.Thread(target=self._beat, name="ssh-beat", daemon=True).start()
        # The client's own limit is for each address of the host; a login may take a while on top.
        answer, _ = self._answer(time.monotonic() + 2 * options.connect_timeout_s + 10, "while connecting")
        word, _, folder = answer.partition(" ")
        if word != "ready" or not folder.startswith("/"):
            raise UnreachableError(f"{options.host} answers with something that is not ours: {answer[:200]!r}")
        self._beating.add(self._master.stdin)
        return folder

    @property
    def _socket(self) -> str:
        return str(self._folder / "s")

    def ask(self, request: str, *lines: str) -> tuple[str, str]:
        """One request to the agent: the word that it ends with, and the text before. Raises UnreachableError.

        Raises ValueError for a line that is none.
        """
        if any(character in line for line in lines for character in "\n\r\0"):
            raise ValueError("a request's line holds a line break")
        text = "".join(f"{line}\n" for line in (request, *lines))
        with self._lock:
            master = self._master
            if master is None or self._deaf or self._closed.is_set():
                raise UnreachableError(f"the link to {self.options.host} is closed")
            assert master.stdin is not None
            try:
                master.stdin.write(text.encode("utf-8", "surrogateescape"))
                master.stdin.flush()
            except OSError:
                raise self.lost("while it was idle") from None
            return self._answer(time.monotonic() + _ANSWER_S, "while a question was open")

    def start(self, script: str, *arguments: str, stdin: int | IO[bytes] = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """A script on the device, in a session of its own over the same connection; end it with `end`."""
        command = [*_LAUNCHER, script, "bench", self.nonce, *arguments]
        process = self._start([*_ONLY_OVER_THE_MASTER, "-S", self._socket], command, subprocess.PIPE, stdin)
        self._alive.add(process)
        return process

    def beat(self, stream: IO[bytes]) -> None:
        """Tell this stdin from now on that we are alive."""
        self._beating.add(stream)

    def end(self, process: subprocess.Popen[bytes], patience_s: float = 0.0) -> None:
        """Close its stdin, whereupon the device ends what runs there; do not wait longer than `patience_s` for it."""
        if process.stdin is not None:
            self._beating.discard(process.stdin)
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._alive.discard(process)

    def lost(self, when: str, stderr: str = "") -> UnreachableError:
        """The error for a link that broke, from what the clients said."""
        self._stderr.flush()
        said = (self._folder / "stderr").read_text(encoding="utf-8", errors="replace")
        lines = [line for line in f"{stderr}\n{said}".splitlines() if _NO_MASTER not in line]
        return link_error(self.options, "\n".join(lines), when)

    def close(self) -> str:
        """End everything here and there. Returns what the device said while it cleaned up. Idempotent."""
        if self._closed.is_set():
            return ""
        self._closed.set()
        self._lines.close()
        for process in list(self._alive):
            self.end(process)
        said = ""
        if self._master is not None:
            self.end(self._master, _FAREWELL_S if hasattr(self, "workdir") else 0.0)
            said = (self._folder / "stderr").read_text(encoding="utf-8", errors="replace")
            self._stderr.close()
        self._temporary.remove()
        return said

    def _start(
        self,
        options: Sequence[str],
        words: Sequence[str],
        stderr: int | IO[bytes],
        stdin: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        command = ["ssh", *options, *client_options(self.options), "-T", "-e", "none", "--", self.options.host]
        try:
            return subprocess.Popen(
                [*command, remote_command(words)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=client_environment(),
                # Ctrl-C is ours to handle: the device has to be tidied up over this very connection.
                start_new_session=True,
            )
        except FileNotFoundError:
            raise DeviceError(
                "there is no `ssh` on this computer", "install the OpenSSH client (apt install openssh-client)"
            ) from None

    def _answer(self, deadline_s: float, when: str) -> tuple[str, str]:
        lines = Collected(f"the shell on {self.options.host}")
        while True:
            try:
                # A device that talks without end has not answered either.
                left_s = deadline_s - time.monotonic()
                if left_s < 0:
                    raise queue.Empty
                line = self._lines.get(timeout=left_s)
            except queue.Empty:
                # An answer that comes after all would be taken for the next one.
                self._deaf = True
                raise UnreachableError(
                    f"{self.options.host} did not answer {when}", "is it overloaded, or is its disk hanging?"
                ) from None
            if line is None:
                assert self._master is not None
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._master.wait(timeout=5)
                raise self.lost(when, str(lines)[-_SHOWN_CHARACTERS:])
            word, _, rest = str(line).rstrip("\n").partition(" ")
            if word == self.nonce:
                # The answer begins on a line of its own, for which the agent has ended the one before.
                return rest, str(lines).removesuffix("\n")
            try:
                lines.add(str(line))
            except DeviceError as error:
                self._deaf = True
                raise UnreachableError(error.message, error.remedy) from None

    def _beat(self) -> None:
        while not self._closed.wait(min(self.options.silence_s / 4, LEASE_BEAT_S)):
            for stream in list(self._beating):
                # A stream that is closed or broken is seen by whoever waits for its answer.
                with contextlib.suppress(OSError, ValueError):
                    stream.write(b"\n")
                    stream.flush()


# A client that finds no master would connect by itself, past the agent: it must fail instead. The first value counts.
_ONLY_OVER_THE_MASTER = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false"]
_NO_MASTER = "UNKNOWN port 65535"
_LAUNCHER = ["exec", "/bin/sh", "-c", LAUNCH, "bench"]


def _feed(stream: IO[bytes], lines: LineQueue) -> None:
    for batch in batches_of(stream):
        lines.put(batch)
    lines.put([None])


def _short_folder() -> TemporaryFolder:
    folder = TemporaryFolder("ssh")
    if len(str(folder.path)) <= _LONGEST_SOCKET_PATH:
        return folder
    folder.remove()
    return TemporaryFolder("ssh", Path("/tmp"))
