"""Is what lies at a store's address what was stored? Asked of the address itself, whatever the mirror has.

Where the server states an MD5 for a file, and a copy here has the recorded SHA-256 and that MD5, nothing is fetched;
any other file is read again from the address, small ones many at once, and is here after that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from latency_bench.harness.store.address import RemoteFile
from latency_bench.harness.store.bulk_fetch import WantedFile, fetch_files
from latency_bench.harness.store.durable import file_chunks, size_and_sha256
from latency_bench.harness.store.errors import BrokenRunError, NewerRecordError
from latency_bench.harness.store.findings import CHANGED, Finding
from latency_bench.harness.store.layout import CHECKSUMS_FILE, RECORD_FILE, is_name, is_run_id, is_runs_folder
from latency_bench.harness.store.mirror import Mirror
from latency_bench.harness.store.reader import Stored, open_folder

_LARGEST_SUMS_BYTES = 1 << 24
_UNFINISHED = "It may be under way; else `bench results push` where it was stored finishes it, or delete it there."


def check_address(mirror: Mirror, within: str = "") -> list[Finding]:
    """What is wrong at the address, of all runs or of one (device/model/run id). Raises StoreError."""
    runs: dict[str, dict[str, RemoteFile]] = {}
    for path, file in mirror.remote.files(within).items():
        device, _, rest = path.partition("/")
        model, _, rest = rest.partition("/")
        run_id, _, relative = rest.partition("/")
        if is_name(device) and is_runs_folder(model) and is_run_id(run_id) and relative:
            runs.setdefault(f"{device}/{model}/{run_id}", {})[relative] = file
    doubtful: list[WantedFile] = []
    findings = [finding for name in sorted(runs) for finding in _check_run(mirror, name, runs[name], doubtful)]
    for wrong in fetch_files(mirror, doubtful):
        if wrong.sha256 is not None:
            problem = "its content is not what was stored (SHA-256 differs)."
            findings.append(Finding(_place(mirror, wrong.path), problem, CHANGED))
    return findings


def _place(mirror: Mirror, path: str) -> Path:
    return Path(f"{mirror.address.rstrip('/')}/{path}".replace("://", ":/", 1))


def _check_run(
    mirror: Mirror, name: str, files: dict[str, RemoteFile], doubtful: list[WantedFile]
) -> Iterator[Finding]:
    """By what the listing and the copies here tell; files that have to be read are added to `doubtful`."""
    record_at = _place(mirror, f"{name}/{RECORD_FILE}")
    if RECORD_FILE not in files:
        yield Finding(record_at.parent, "the upload was not finished: record.json is missing.", _UNFINISHED)
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
    mirror: Mirror, name: str, files: dict[str, RemoteFile], stored: Stored, doubtful: list[WantedFile]
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
            doubtful.append(WantedFile(name, relative, expected.sha256, expected.size_bytes))
    sums = files.get(CHECKSUMS_FILE)
    if sums is not None and sums.size_bytes > _LARGEST_SUMS_BYTES:
        yield Finding(place / CHECKSUMS_FILE, f"has {sums.size_bytes} bytes, more than any of ours.", CHANGED)
    elif sums is not None and not _is_copy(mirror.folder / name / CHECKSUMS_FILE, sums):
        doubtful.append(WantedFile(name, CHECKSUMS_FILE, None, sums.size_bytes))
    for relative in sorted(files.keys() - stored.files.keys() - {RECORD_FILE, CHECKSUMS_FILE}):
        yield Finding(place / relative, "the record does not know this file.", "Move it out of the run.")


def _is_copy(here: Path, there: RemoteFile) -> bool:
    """Whether the server itself states that it has the same bytes as the file here."""
    if there.md5 is None or not here.is_file() or here.stat().st_size != there.size_bytes:
        return False
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in file_chunks(here):
        digest.update(chunk)
    return digest.hexdigest() == there.md5
