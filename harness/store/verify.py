"""Is every stored run whole and unchanged? Only looks; nothing is repaired, moved or removed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latency_bench.harness.store.checksums import read_checksums
from latency_bench.harness.store.durable import size_and_sha256
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.layout import (
    CHECKSUMS_FILE,
    RECORD_FILE,
    SAMPLES_FILE,
    STAGING_PREFIX,
    TELEMETRY_FILE,
    is_name,
    is_run_id,
    temporary_pid,
)
from latency_bench.harness.store.mirrors import mirror_of
from latency_bench.harness.store.ownership import writer_state
from latency_bench.harness.store.reader import StoredRun, misplaced, read_record
from latency_bench.harness.store.record import RunRecord

_CHANGED = "Restore it from a copy, or move the run out of the store: its numbers cannot be vouched for."


@dataclass(frozen=True)
class Finding:
    """Something wrong in a store."""

    path: Path
    problem: str
    remedy: str
    folder: Path | None = None
    """What to take out of the store because of it; None where what is stored can still be used."""


@dataclass(frozen=True)
class Verification:
    """What a look through a store gave."""

    runs: int
    findings: list[Finding]


def verify_store(store: Path) -> Verification:
    """Check every run of a store and everything else that lies in it. Folders are never followed through links.

    Raises StoreError where the store is a remote one that cannot be reached.
    """
    findings: list[Finding] = []
    runs = 0
    mirror = mirror_of(store)
    if mirror is not None:
        mirror.pull()
    for device in _entries(store, findings):
        if device.name.startswith(STAGING_PREFIX) and _is_real_folder(device):
            findings.extend(_verify_temporary(device, "import"))
        if not is_name(device.name) or not _is_real_folder(device):
            # The store's own level may hold a README, an index, a hidden file of some tool.
            continue
        for model in _entries(device, findings):
            if not is_name(model.name) or not _is_real_folder(model):
                findings.append(_stranger(model))
                continue
            for run in _entries(model, findings):
                if temporary_pid(run.name) is not None:
                    findings.extend(_verify_temporary(run, "run"))
                elif not is_run_id(run.name) or not _is_real_folder(run):
                    findings.append(_stranger(run))
                else:
                    runs += 1
                    findings.extend(verify_run(run, in_store=True))
    return Verification(runs, findings)


def verify_run(run: Path, in_store: bool = False) -> list[Finding]:
    """Check one run directory: record, files, hashes, samples. `in_store`: also that it lies where it belongs.

    Raises StoreError where the store is a remote one and a file cannot be fetched.
    """
    try:
        sums = read_checksums(run)
        _verify_record(run, sums)
        record = read_record(run)
    except BrokenRunError as error:
        remedy = "Restore the file from a copy, or move the run out of the store."
        return [Finding(run, str(error), remedy, run)]
    findings = []
    problem = misplaced(run, record) if in_store else None
    if problem:
        findings.append(Finding(run, problem, "Move it to its place."))
    stored = StoredRun(run, record)
    listed = {relative: file.sha256 for relative, file in record.files.items()}
    if sums is not None and {name: sha256 for name, sha256 in sums.items() if name != RECORD_FILE} != listed:
        findings.append(Finding(run / CHECKSUMS_FILE, "its hashes are not those of the record.", _CHANGED, run))
    damaged = {finding.path: finding for finding in _fetch_files(stored)}
    damaged = {finding.path: finding for finding in _verify_files(run, record)} | damaged
    findings.extend(damaged.values())
    if run / SAMPLES_FILE not in damaged:
        findings.extend(_verify_samples(stored))
    if run / TELEMETRY_FILE not in damaged:
        try:
            stored.telemetry()
        except BrokenRunError as error:
            findings.append(Finding(run / TELEMETRY_FILE, str(error), _CHANGED, run))
    return findings


def _verify_record(run: Path, sums: dict[str, str] | None) -> None:
    """The one hash that is not in the record is its own."""
    if sums is None:
        return
    try:
        if sums.get(RECORD_FILE) != size_and_sha256(run / RECORD_FILE)[1]:
            raise BrokenRunError(
                f"{run / RECORD_FILE}: its content is not what was stored (SHA-256 differs from {CHECKSUMS_FILE})."
            )
    except OSError as error:
        raise BrokenRunError(f"{run / RECORD_FILE}: cannot be read: {error.strerror}.") from error


def _fetch_files(stored: StoredRun) -> Iterator[Finding]:
    for relative in stored.record.files:
        try:
            stored.fetch(relative)
        except BrokenRunError as error:
            yield Finding(stored.path / relative, str(error), _CHANGED, stored.path)


def _verify_files(run: Path, record: RunRecord) -> Iterator[Finding]:
    present = set()
    for folder, folders, names in os.walk(run):
        for name in [*names, *(name for name in folders if (Path(folder) / name).is_symlink())]:
            present.add((Path(folder) / name).relative_to(run).as_posix())
    for relative in sorted(present - set(record.files) - {RECORD_FILE, CHECKSUMS_FILE}):
        yield Finding(run / relative, "the record does not know this file.", "Move it out of the run.")
    for relative, expected in record.files.items():
        path = run / relative
        if relative not in present:
            yield Finding(path, "the file is missing.", _CHANGED, run)
        elif path.is_symlink() or not path.is_file():
            yield Finding(path, "this is no ordinary file.", _CHANGED, run)
        else:
            try:
                size_bytes, sha256 = size_and_sha256(path)
            except OSError as error:
                yield Finding(path, f"cannot be read: {error.strerror}.", "Make it readable and verify again.")
                continue
            if size_bytes != expected.size_bytes:
                yield Finding(path, f"has {size_bytes} bytes, the record says {expected.size_bytes}.", _CHANGED, run)
            elif sha256 != expected.sha256:
                yield Finding(path, "its content is not what was stored (SHA-256 differs).", _CHANGED, run)


def _verify_samples(stored: StoredRun) -> Iterator[Finding]:
    path, summary = stored.path / SAMPLES_FILE, stored.record.summary
    try:
        blocks = stored.samples()
    except BrokenRunError as error:
        yield Finding(path, str(error), _CHANGED, stored.path)
        return
    if summary is None:
        return
    if not blocks:
        yield Finding(
            path, "there are no samples behind the summary.", "Measure again if the number matters.", stored.path
        )
        return
    found = {(block.round, block.warmup): len(block) for block in blocks}
    expected = {(one.index, True): one.warmup_count for one in stored.record.rounds}
    expected |= {(one.index, False): one.sample_count for one in stored.record.rounds}
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key, 0) != expected.get(key, 0):
            stage = f"round {key[0]}, {'warm-up' if key[1] else 'sampling'}"
            yield Finding(
                path,
                f"{stage}: {found.get(key, 0)} samples, the record says {expected.get(key, 0)}.",
                _CHANGED,
                stored.path,
            )
    latency = summary.latency
    durations_ns = [duration for block in blocks if not block.warmup for duration in block.latency_ns.tolist()]
    low_ms, high_ms = min(durations_ns, default=0) / 1e6, max(durations_ns, default=0) / 1e6
    if not (math.isclose(low_ms, latency.min_ms, rel_tol=1e-9) and math.isclose(high_ms, latency.max_ms, rel_tol=1e-9)):
        yield Finding(
            path,
            f"samples lie in [{low_ms}, {high_ms}] ms, the summary says [{latency.min_ms}, {latency.max_ms}] ms.",
            _CHANGED,
            stored.path,
        )


def _verify_temporary(folder: Path, what: str) -> Iterator[Finding]:
    state = writer_state(folder)
    if state == "dead":
        yield Finding(
            folder,
            f"an unfinished {what}: its writer died before it was stored.",
            "Look into it for what is worth keeping, then remove it, or have it set aside (--set-aside).",
            folder,
        )
    elif state == "elsewhere":
        yield Finding(
            folder,
            f"an unfinished {what} of another host, which may still be writing it.",
            "Run `bench results verify` there; remove it once nothing is measured there.",
        )


def _stranger(path: Path) -> Finding:
    return Finding(path, "this is no run and no folder of runs.", "Move it out of the store.")


def _entries(folder: Path, findings: list[Finding]) -> list[Path]:
    """What lies in a folder, without what tools hide there; a temporary folder is not hidden from us."""
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        findings.append(Finding(folder, f"cannot be listed: {error.strerror}.", "Make it readable and verify again."))
        return []
    return [path for path in paths if not path.name.startswith(".") or path.name.startswith(".tmp-")]


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
