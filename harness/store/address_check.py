"""Is what lies at a store's address what was stored? Asked of the address itself, whatever the mirror has.

Where the server states an MD5 for a file, and a copy here has the recorded SHA-256 and that MD5, nothing is fetched;
any other file is read again from the address, small ones many at once, and is here after that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from latency_bench.harness.store.address import RemoteFile
from latency_bench.harness.store.copies import keep_files
from latency_bench.harness.store.durable import file_chunks, size_and_sha256
from latency_bench.harness.store.errors import BrokenRunError, NewerRecordError
from latency_bench.harness.store.findings import CHANGED, Finding
from latency_bench.harness.store.layout import CHECKSUMS_FILE, RECORD_FILE, is_name, is_run_id, is_runs_folder
from latency_bench.harness.store.mirror import Mirror
from latency_bench.harness.store.reader import Stored, open_folder

_UNFINISHED = "It may be under way; else `bench results push` where it was stored finishes it, or delete it there."
_TOGETHER = 200
"""Files that are fetched at once,"""
_TOGETHER_BYTES = 32 << 20
"""and what they have in memory; a larger one is fetched alone, piece by piece."""


@dataclass(frozen=True)
class _Doubtful:
    """A file of which only its content can tell whether it is what was stored."""

    run: str
    """device/model/run id."""
    relative: str
    sha256: str | None
    """As its record has it; None for SHA256SUMS, which no record names."""
    size_bytes: int

    @property
    def path(self) -> str:
        return f"{self.run}/{self.relative}"


def check_address(mirror: Mirror, within: str = "") -> list[Finding]:
    """What is wrong at the address, of all runs or of one (device/model/run id). Raises StoreError."""
    runs: dict[str, dict[str, RemoteFile]] = {}
    for path, file in mirror.remote.files(within).items():
        device, _, rest = path.partition("/")
        model, _, rest = rest.partition("/")
        run_id, _, relative = rest.partition("/")
        if is_name(device) and is_runs_folder(model) and is_run_id(run_id) and relative:
            runs.setdefault(f"{device}/{model}/{run_id}", {})[relative] = file
    doubtful: list[_Doubtful] = []
    findings = [finding for name in sorted(runs) for finding in _check_run(mirror, name, runs[name], doubtful)]
    for batch in _batches(doubtful):
        findings += _check_contents(mirror, batch)
    return findings


def _place(mirror: Mirror, path: str) -> Path:
    return Path(f"{mirror.address.rstrip('/')}/{path}".replace("://", ":/", 1))


def _check_run(mirror: Mirror, name: str, files: dict[str, RemoteFile], doubtful: list[_Doubtful]) -> Iterator[Finding]:
    """By what the listing and the copies here tell; files that have to be read are added to `doubtful`."""
    record_at = _place(mirror, f"{name}/{RECORD_FILE}")
    if RECORD_FILE not in files:
        yield Finding(record_at.parent, "an upload that was not finished: there is no record.json.", _UNFINISHED)
        return
    here = mirror.folder / name
    if not _is_copy(here / RECORD_FILE, files[RECORD_FILE]):
        there = mirror.remote.read(f"{name}/{RECORD_FILE}")
        if not (here / RECORD_FILE).is_file() or there != (here / RECORD_FILE).read_bytes():
            yield Finding(record_at, "it is not what was stored.", CHANGED)
            return
    try:
        stored = open_folder(here)
    except NewerRecordError:
        return
    except BrokenRunError as error:
        yield Finding(record_at, str(error), CHANGED)
        return
    yield from _check_files(mirror, name, files, stored, doubtful)


def _check_files(
    mirror: Mirror, name: str, files: dict[str, RemoteFile], stored: Stored, doubtful: list[_Doubtful]
) -> Iterator[Finding]:
    place = _place(mirror, name)
    for relative, expected in stored.files.items():
        if relative not in files:
            yield Finding(place / relative, "the file is missing.", CHANGED)
            continue
        there, here = files[relative], mirror.folder / name / relative
        if there.size_bytes != expected.size_bytes:
            problem = f"has {there.size_bytes} bytes, the record says {expected.size_bytes}."
            yield Finding(place / relative, problem, CHANGED)
        elif not (_is_copy(here, there) and size_and_sha256(here)[1] == expected.sha256):
            doubtful.append(_Doubtful(name, relative, expected.sha256, expected.size_bytes))
    sums = files.get(CHECKSUMS_FILE)
    if sums is not None and sums.size_bytes > _TOGETHER_BYTES:
        yield Finding(place / CHECKSUMS_FILE, f"has {sums.size_bytes} bytes, more than any of ours.", CHANGED)
    elif sums is not None and not _is_copy(mirror.folder / name / CHECKSUMS_FILE, sums):
        doubtful.append(_Doubtful(name, CHECKSUMS_FILE, None, sums.size_bytes))
    for relative in sorted(files.keys() - stored.files.keys() - {RECORD_FILE, CHECKSUMS_FILE}):
        yield Finding(place / relative, "the record does not know this file.", "Move it out of the run.")


def _batches(files: Sequence[_Doubtful]) -> Iterator[list[_Doubtful]]:
    batch: list[_Doubtful] = []
    for file in files:
        if batch and (
            len(batch) == _TOGETHER or sum(one.size_bytes for one in batch) + file.size_bytes > _TOGETHER_BYTES
        ):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _check_contents(mirror: Mirror, files: Sequence[_Doubtful]) -> Iterator[Finding]:
    """Fetch them; one that is what was stored is here from then on."""
    file = files[0]
    if len(files) == 1 and file.sha256 is not None:
        try:
            mirror.fetch(mirror.folder / file.run, file.relative, file.sha256)
        except BrokenRunError:
            yield _changed(mirror, file)
        return
    contents = mirror.remote.read_many([file.path for file in files], sum(file.size_bytes for file in files))
    whole: dict[str, bytes] = {}
    for file, content in zip(files, contents, strict=True):
        if content is not None and file.sha256 in (None, hashlib.sha256(content).hexdigest()):
            whole[file.path] = content
        elif file.sha256 is not None:
            yield _changed(mirror, file)
    keep_files(mirror.folder, whole)


def _changed(mirror: Mirror, file: _Doubtful) -> Finding:
    return Finding(_place(mirror, file.path), "its content is not what was stored (SHA-256 differs).", CHANGED)


def _is_copy(here: Path, there: RemoteFile) -> bool:
    """Whether the server itself states that it has the same bytes as the file here."""
    if there.md5 is None or not here.is_file() or here.stat().st_size != there.size_bytes:
        return False
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in file_chunks(here):
        digest.update(chunk)
    return digest.hexdigest() == there.md5
