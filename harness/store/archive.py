"""Runs as one file: a tar of their folders, plain, with gzip or with zstd."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from latency_bench.harness.store.check_ahead import check_ahead
from latency_bench.harness.store.checked_runs import checked_before
from latency_bench.harness.store.durable import replacing
from latency_bench.harness.store.errors import BrokenRunError, StoreLocationError, from_os_error
from latency_bench.harness.store.layout import CHECKSUMS_FILE, RECORD_FILE
from latency_bench.harness.store.side_by_side import side_by_side
from latency_bench.harness.store.verify import Check, check_run

ENDINGS = {".tar": "", ".tar.gz": "gzip", ".tgz": "gzip", ".tar.zst": "zstd"}
"""Compression by the end of the file's name."""


def compression_of(file: Path) -> str:
    """By its name. Raises StoreLocationError for a name that is no archive's."""
    for ending, compression in ENDINGS.items():
        if file.name.endswith(ending):
            return compression
    raise StoreLocationError(f"{file} is not named like an archive; its name has to end in {', '.join(ENDINGS)}.")


def write_archive(runs: Sequence[Path], file: Path) -> int:
    """Write whole runs into an archive at `file`, which is there complete or not at all; returns their number.

    The same runs give the same archive: no times, owners or permissions are in it. Raises BrokenRunError for a run that
    is not what was stored, StoreError where the file cannot be written.
    """
    compression = compression_of(file)
    try:
        with (
            checked_before(len(runs)) as checked,
            replacing(file) as target,
            _compressed(target, compression) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            check_ahead(runs, checked)
            for run, check in side_by_side(lambda run: check_run(run, checked=checked), runs):
                _add(archive, run, check)
    except OSError as error:
        raise from_os_error(error, file, "write") from error
    return len(runs)


def _add(archive: tarfile.TarFile, run: Path, check: Check) -> None:
    if check.findings:
        first = check.findings[0]
        raise BrokenRunError(
            f"{first.path}: {first.problem.removeprefix(f'{first.path}: ')} "
            "Only whole runs are exported; `bench results verify --set-aside` takes this one out of the store."
        )
    with_sums = [CHECKSUMS_FILE] if (run / CHECKSUMS_FILE).is_file() else []
    for relative in [RECORD_FILE, *with_sums, *sorted(check.files)]:
        path = run / relative
        member = tarfile.TarInfo(f"{check.place}/{relative}")
        member.mode = 0o644
        with path.open("rb") as content:
            member.size = content.seek(0, io.SEEK_END)
            content.seek(0)
            archive.addfile(member, content)


@contextlib.contextmanager
def _compressed(target: BinaryIO, compression: str) -> Iterator[Any]:
    if compression == "gzip":
        with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as stream:
            yield stream
    elif compression == "zstd":
        import pyarrow as pa

        # Not closed by pyarrow: it would close the target too, before that is forced to the disk.
        with pa.CompressedOutputStream(_Borrowed(target), "zstd") as stream:
            yield stream
    else:
        yield target


class _Borrowed(io.RawIOBase):
    """A file that the borrower may close without consequence."""

    def __init__(self, lender: BinaryIO) -> None:
        super().__init__()
        self._lender = lender

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        return self._lender.write(content)
