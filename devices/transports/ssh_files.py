"""Files to and from a device: verified by SHA-256, resumed where they were cut, there whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import threading
import time
from pathlib import Path
from typing import IO

from bench_worker.files import file_sha256
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.numerals import count
from latency_bench.devices.transports.base import refuse_larger
from latency_bench.devices.transports.bounded_lines import LONGEST_LINE, MOST_BYTES, Tail, drain, flood, lines_of
from latency_bench.devices.transports.ssh_link import SshLink
from latency_bench.devices.transports.ssh_scripts import RECEIVE, SEND

_STALLED_S = 60.0
_CHUNK_BYTES = 1 << 20


def push_file(link: SshLink, local: Path, name: str, sha256: str | None = None) -> None:
    """Bring a file to the device's store, unless it is there already, and link `name` in the session's folder to it."""
    sha256, size_bytes = sha256 or file_sha256(str(local)), local.stat().st_size
    word, said = link.ask("stored", sha256, str(size_bytes), name)
    if word == "0":
        return
    have = count(said)
    offset = str(have) if have is not None and have < size_bytes else "whole"
    outcome = _send(link, local, name, sha256, size_bytes, offset)
    if outcome in ("taken", "different") and offset != "whole":
        # Another session writes the same part, or what was left of an earlier try is broken: a part of our own.
        outcome = _send(link, local, name, sha256, size_bytes, "whole")
    if outcome != "stored":
        raise _failure(link, local, size_bytes, outcome)


def push_folder(link: SshLink, local: Path, name: str, unpack: Path) -> str:
    """As a tar archive that is the same for the same content; returns the archive's name in the session's folder."""
    archive = unpack / f"{name}.tar"
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for file in sorted(local.rglob("*")):
            inside = file.relative_to(local)
            if "__pycache__" in inside.parts or not file.is_file():
                continue
            content = file.read_bytes()
            entry = tarfile.TarInfo(str(Path(name) / inside))
            entry.size = len(content)
            entry.mode = 0o755 if os.access(file, os.X_OK) else 0o644
            tar.addfile(entry, io.BytesIO(content))
    push_file(link, archive, archive.name)
    return archive.name


def pull_file(link: SshLink, remote: str, local: Path, most_bytes: int) -> None:
    """Beside its place first, then renamed. Raises DeviceError, UnreachableError."""
    part = local.with_name(f".{local.name}.part")
    process = link.start(SEND, remote)
    assert process.stdout is not None
    assert process.stderr is not None
    errors = Tail()
    listening = drain(process.stderr, errors.add)
    try:
        with _Watch(process) as watch:
            size_bytes = _begin(process.stdout, link.nonce)
            if size_bytes is None:
                code = process.wait()
                listening.join(timeout=_STALLED_S)
                raise _not_pulled(link, remote, code, str(errors).strip())
            refuse_larger(remote, size_bytes, most_bytes)
            digest, left = hashlib.sha256(), size_bytes
            with part.open("wb") as file:
                while left and (chunk := process.stdout.read1(min(left, _CHUNK_BYTES))):  # type: ignore[attr-defined]
                    watch.alive()
                    digest.update(chunk)
                    file.write(chunk)
                    left -= len(chunk)
        listening.join(timeout=_STALLED_S)
        said = str(errors)
        found = [line.split()[-1] for line in said.splitlines() if line.startswith(f"{link.nonce} end ")]
        if left or not found:
            raise link.lost(f"while {remote} was pulled", said)
        if found[0] != digest.hexdigest():
            raise DeviceError(f"{remote} was changed on {link.options.host} while it was pulled", "measure again")
        part.replace(local)
    finally:
        part.unlink(missing_ok=True)
        link.end(process)
        process.stdout.close()


def _send(link: SshLink, local: Path, name: str, sha256: str, size_bytes: int, offset: str) -> str:
    """One try; the receiver's word for how it ended."""
    base = str(Path(link.workdir).parent / "store")
    with local.open("rb") as file:
        file.seek(0 if offset == "whole" else int(offset))
        # The client reads the file itself, so no byte goes through this process.
        process = link.start(RECEIVE, base, sha256, str(size_bytes), offset, f"{link.workdir}/{name}", stdin=file)
        assert process.stdout is not None
        assert process.stderr is not None
        errors = Tail()
        listening = drain(process.stderr, errors.add)
        try:
            with _Watch(process, file):
                words = _end_words(process.stdout, link)
                process.wait()
            listening.join(timeout=_STALLED_S)
        finally:
            link.end(process)
            process.stdout.close()
    if not words:
        raise link.lost(f"while {local.name} was pushed", str(errors))
    if words[0] == "unwritten":
        said = str(errors).strip().splitlines()
        return f"unwritten {said[-1] if said else ''}"
    return words[0]


class _Watch:
    """Kills a transfer that stands still; as a context manager around it."""

    def __init__(self, process: subprocess.Popen[bytes], source: IO[bytes] | None = None) -> None:
        self._process, self._source = process, source
        self._over = threading.Event()
        self._moved_s = time.monotonic()

    def __enter__(self) -> _Watch:
        threading.Thread(target=self._watch, name="ssh-transfer", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def alive(self) -> None:
        self._moved_s = time.monotonic()

    def _watch(self) -> None:
        position = None
        while not self._over.wait(1.0):
            if self._source is not None:
                # The client shares our file's position.
                now = os.lseek(self._source.fileno(), 0, os.SEEK_CUR)
                if now != position:
                    position = now
                    self.alive()
            if time.monotonic() - self._moved_s > _STALLED_S:
                self._process.kill()
                return


def _begin(stream: IO[bytes], nonce: str) -> int | None:
    """Skip banners up to the mark; the size that it announces."""
    skipped = 0
    # Not a byte beyond the mark: what comes behind it is the file.
    while line := stream.readline(LONGEST_LINE):
        words = line.decode("utf-8", "replace").split()
        if words[:2] == [nonce, "begin"] and len(words) == 3:
            return count(words[2])
        skipped += len(line)
        if skipped > MOST_BYTES:
            raise flood("the device, before a file that was asked for,")
    return None


def _end_words(stream: IO[bytes], link: SshLink) -> list[str]:
    """What the receiver says at its end, where it says something."""
    words = []
    skipped = 0
    for line in lines_of(stream):
        if line.startswith(f"{link.nonce} end "):
            words.append(line.split()[-1])
        skipped += len(line)
        if skipped > MOST_BYTES:
            raise flood("the device, while a file was brought there,")
    return words


def _not_pulled(link: SshLink, remote: str, code: int, said: str) -> DeviceError:
    if code == 255 or code < 0:
        return link.lost(f"while {remote} was pulled", said)
    return DeviceError(f"{remote} cannot be read on {link.options.host}: {said.splitlines()[-1] if said else code}")


def _failure(link: SshLink, local: Path, size_bytes: int, outcome: str) -> DeviceError:
    where = f"{link.options.host}:{link.options.work_directory}"
    if outcome.startswith("unwritten"):
        said = outcome[10:] or "unknown reason"
        return DeviceError(
            f"{local.name} ({size_bytes / 1e6:.1f} MB) cannot be written to {where}: {said}",
            "free space there, or give another `ssh.work_directory` in devices.yaml",
        )
    if outcome == "different":
        return DeviceError(f"{local.name} is not what its hash says, here or on its way to {where}", "measure again")
    if outcome == "unhashed":
        return DeviceError(f"{link.options.host} does not have the program sha256sum", "install coreutils there")
    return DeviceError(
        f"{local.name} did not arrive whole at {where} ({outcome})", "measure again; what arrived is kept and resumed"
    )
