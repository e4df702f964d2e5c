"""Is every stored run whole and unchanged? Only looks; nothing is repaired, moved or removed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.store.check_ahead import check_ahead
from latency_bench.harness.store.checked_runs import CheckedRuns, checked_before, key_of
from latency_bench.harness.store.checksums import read_checksums
from latency_bench.harness.store.durable import size_and_sha256
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.findings import CHANGED, Finding
from latency_bench.harness.store.layout import (
    CHECKSUMS_FILE,
    IMAGES_FILE,
    OTHER_KINDS,
    RECORD_FILE,
    SAMPLES_FILE,
    STAGING_PREFIX,
    TELEMETRY_FILE,
    is_name,
    is_run_id,
    is_runs_folder,
    temporary_pid,
)
from latency_bench.harness.store.left_overs import writer_state
from latency_bench.harness.store.mirrors import mirror_of
from latency_bench.harness.store.reader import (
    Stored,
    StoredPair,
    StoredRun,
    fetch_checksums,
    misplaced,
    open_folder,
    place_of,
)
from latency_bench.harness.store.side_by_side import side_by_side
from latency_bench.harness.store.verify_accuracy import verify_accuracy_images
from latency_bench.harness.store.verify_pair import verify_pair_samples
from latency_bench.harness.units import NS_PER_MS

if TYPE_CHECKING:
    from latency_bench.harness.store.reader import AnyRecord


@dataclass(frozen=True)
class Verification:
    """What a look through a store gave."""

    runs: int
    findings: list[Finding]


def verify_store(store: Path, cached: bool = False) -> Verification:
    """Check every run of a store and everything else that lies in it. Folders are never followed through links.

    A store at an address is asked itself; `cached`: only the copies that are here. Raises StoreError where the address
    does not answer.
    """
    findings: list[Finding] = []
    runs: list[Path] = []
    mirror = mirror_of(store)
    if mirror is not None and not cached:
        from latency_bench.harness.store.address_check import check_address

        mirror.list_now()
        for kind in OTHER_KINDS:
            mirror.list_now(model=kind)
        findings.extend(check_address(mirror))
    for device in _entries(store, findings):
        if device.name.startswith(STAGING_PREFIX) and _is_real_folder(device):
            findings.extend(_verify_temporary(device, "import"))
        if not is_name(device.name) or not _is_real_folder(device):
            # The store's own level may hold a README, an index, a hidden file of some tool.
            continue
        for model in _entries(device, findings):
            if not is_runs_folder(model.name) or not _is_real_folder(model):
                findings.append(_stranger(model))
                continue
            for run in _entries(model, findings):
                if temporary_pid(run.name) is not None:
                    findings.extend(_verify_temporary(run, "run"))
                elif not is_run_id(run.name) or not _is_real_folder(run):
                    findings.append(_stranger(run))
                else:
                    runs.append(run)
    with checked_before(len(runs)) as checked:
        check_ahead(runs, checked)
        for _, found in side_by_side(lambda run: _verify_copy(run, mirror is not None, checked), runs):
            findings.extend(found)
    return Verification(len(runs), findings)


def verify_stored(store: Path, run: Path, cached: bool = False) -> list[Finding]:
    """Check one run of a store, at its address too. Raises StoreError where that does not answer."""
    mirror = mirror_of(store)
    findings = []
    if mirror is not None and not cached:
        from latency_bench.harness.store.address_check import check_address

        findings = check_address(mirror, run.relative_to(store).as_posix())
    return findings + _verify_copy(run, mirror is not None)


def _verify_copy(run: Path, is_copy: bool, checked: CheckedRuns | None = None) -> list[Finding]:
    """`is_copy`: of a run at an address; files that are not here were looked for there, or are not to be."""
    findings = check_run(run, in_store=True, fetch=not is_copy, checked=checked).findings
    return [one for one in findings if not is_copy or one.path == run or one.path.exists()]


def verify_run(run: Path, in_store: bool = False, fetch: bool = True) -> list[Finding]:
    """Check one run directory: record, files, hashes, samples. `in_store`: also that it lies where it belongs; `fetch`:
    of a remote store, after having brought here what lacks.

    Raises StoreError where the store is a remote one and a file cannot be fetched.
    """
    return check_run(run, in_store, fetch).findings


@dataclass(frozen=True)
class Check:
    """What a look at one run gave."""

    findings: list[Finding]
    place: str = ""
    """device/model/run id, by its record; empty where that cannot be read."""
    files: tuple[str, ...] = ()
    """Those that the record lists."""


def check_run(run: Path, in_store: bool = False, fetch: bool = True, checked: CheckedRuns | None = None) -> Check:
    """As `verify_run`; `checked`: what was checked before is only hashed."""
    try:
        if fetch:
            fetch_checksums(run)
        sums = read_checksums(run)
        key = None if checked is None or sums is None else key_of(_place(run), (run / CHECKSUMS_FILE).read_bytes())
        if checked is not None and sums is not None and key is not None and checked.has(key) and _has_only(run, sums):
            return Check([], _place(run), tuple(name for name in sums if name != RECORD_FILE))
        _verify_record(run, sums)
        stored = open_folder(run)
    except BrokenRunError as error:
        remedy = "Restore the file from a copy, or move the run out of the store."
        return Check([Finding(run, str(error), remedy, run)])
    findings = _verify_content(stored, sums, fetch)
    problem = misplaced(run, stored.record)
    if checked is not None and key is not None and not findings and problem is None:
        checked.add(key)
    if problem and in_store:
        findings.insert(0, Finding(run, problem, "Move it to its place."))
    return Check(findings, place_of(stored.record), tuple(stored.files))


def _place(run: Path) -> str:
    return "/".join(run.parts[-3:])


def _has_only(run: Path, sums: dict[str, str]) -> bool:
    """Whether the run has these files with these hashes, and no others."""
    try:
        present = dict(_files_in(str(run)))
        is_complete = present.keys() == {*sums, CHECKSUMS_FILE} and all(present.values())
        return is_complete and all(size_and_sha256(run / name)[1] == sha256 for name, sha256 in sums.items())
    except OSError:
        return False


def _verify_content(stored: Stored, sums: dict[str, str] | None, fetch: bool) -> list[Finding]:
    run, record = stored.path, stored.record
    findings = []
    listed = {relative: file.sha256 for relative, file in record.files.items()}
    if sums is not None and {name: sha256 for name, sha256 in sums.items() if name != RECORD_FILE} != listed:
        findings.append(Finding(run / CHECKSUMS_FILE, "its hashes are not those of the record.", CHANGED, run))
    damaged = {finding.path: finding for finding in _fetch_files(stored)} if fetch else {}
    damaged = {finding.path: finding for finding in _verify_files(run, record)} | damaged
    findings.extend(damaged.values())
    if run / SAMPLES_FILE not in damaged:
        findings.extend(_verify_measured(stored, damaged))
    if run / TELEMETRY_FILE not in damaged:
        try:
            stored.check_telemetry()
        except BrokenRunError as error:
            findings.append(Finding(run / TELEMETRY_FILE, str(error), CHANGED, run))
    return findings


def _verify_measured(stored: Stored, damaged: Mapping[Path, Finding]) -> Iterator[Finding]:
    """Whether what was measured is what the record is of."""
    if isinstance(stored, StoredRun):
        yield from _verify_samples(stored)
    elif isinstance(stored, StoredPair):
        yield from verify_pair_samples(stored)
    elif stored.path / IMAGES_FILE not in damaged:
        yield from verify_accuracy_images(stored)


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


def _fetch_files(stored: Stored) -> Iterator[Finding]:
    for relative in stored.record.files:
        try:
            stored.fetch(relative)
        except BrokenRunError as error:
            yield Finding(stored.path / relative, str(error), CHANGED, stored.path)


def _verify_files(run: Path, record: AnyRecord) -> Iterator[Finding]:
    present = dict(_files_in(str(run)))
    for relative in sorted(present.keys() - record.files.keys() - {RECORD_FILE, CHECKSUMS_FILE}):
        yield Finding(run / relative, "the record does not know this file.", "Move it out of the run.")
    for relative, expected in record.files.items():
        path = run / relative
        if relative not in present:
            yield Finding(path, "the file is missing.", CHANGED, run)
        elif not present[relative]:
            yield Finding(path, "this is not an ordinary file.", CHANGED, run)
        else:
            try:
                size_bytes, sha256 = size_and_sha256(path)
            except OSError as error:
                yield Finding(path, f"cannot be read: {error.strerror}.", "Make it readable and verify again.")
                continue
            if size_bytes != expected.size_bytes:
                yield Finding(path, f"has {size_bytes} bytes, the record says {expected.size_bytes}.", CHANGED, run)
            elif sha256 != expected.sha256:
                yield Finding(path, "its content is not what was stored (SHA-256 differs).", CHANGED, run)


def _files_in(folder: str, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """(path in the run, whether it is an ordinary file) of everything in a run but its folders. Links are not followed;
    what lies deeper than evidence/ does not belong there, and its folder is named in its stead."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not prefix:
                yield from _files_in(entry.path, f"{entry.name}/")
            else:
                yield f"{prefix}{entry.name}", entry.is_file(follow_symlinks=False)


def _verify_samples(stored: StoredRun) -> Iterator[Finding]:
    path, summary = stored.path / SAMPLES_FILE, stored.record.summary
    try:
        blocks = stored.samples()
    except BrokenRunError as error:
        yield Finding(path, str(error), CHANGED, stored.path)
        return
    if summary is None:
        return
    if not blocks:
        yield Finding(
            path,
            "the samples that the summary was computed from are missing.",
            "Measure again if the number matters.",
            stored.path,
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
                CHANGED,
                stored.path,
            )
    latency = summary.latency
    sampled = [block.latency_ns for block in blocks if not block.warmup and len(block)]
    low_ms = min((int(one.min()) for one in sampled), default=0) / NS_PER_MS
    high_ms = max((int(one.max()) for one in sampled), default=0) / NS_PER_MS
    if not (math.isclose(low_ms, latency.min_ms, rel_tol=1e-9) and math.isclose(high_ms, latency.max_ms, rel_tol=1e-9)):
        yield Finding(
            path,
            f"samples lie in [{low_ms}, {high_ms}] ms, the summary says [{latency.min_ms}, {latency.max_ms}] ms.",
            CHANGED,
            stored.path,
        )


def _verify_temporary(folder: Path, what: str) -> Iterator[Finding]:
    state = writer_state(folder)
    if state == "dead":
        yield Finding(
            folder,
            f"an unfinished {what}: its writer died before it was stored.",
            "The next run that is stored here removes it; have it set aside (--set-aside) to look into it first.",
            folder,
            is_damage=False,
        )
    elif state == "elsewhere":
        yield Finding(
            folder,
            f"an unfinished {what} of another host, which may still be writing it.",
            "Run `bench results verify` there; remove it once nothing is measured there.",
            is_damage=False,
        )


def _stranger(path: Path) -> Finding:
    return Finding(path, "this is neither a run nor a folder of runs.", "Move it out of the store.")


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
