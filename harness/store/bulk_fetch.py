"""Files of many runs from a store's address: small ones many at once with a request each, large ones piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from latency_bench.harness.store.copies import keep_files
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.mirror import Mirror

TOGETHER = 200
"""Files that are fetched at once,"""
TOGETHER_BYTES = 32 << 20
"""and what they have in memory; a larger one is fetched alone."""


@dataclass(frozen=True)
class WantedFile:
    """A file of a run whose record is here."""

    run: str
    """device/model/run id."""
    relative: str
    sha256: str | None
    """As the record has it; None for SHA256SUMS, which no record names."""
    size_bytes: int

    @property
    def path(self) -> str:
        return f"{self.run}/{self.relative}"


def fetch_files(mirror: Mirror, files: Iterable[WantedFile]) -> list[WantedFile]:
    """Have these files here; gives those that are not at the address, or not as they were stored. Raises StoreError."""
    return [bad for batch in _batches(files) for bad in _fetch_batch(mirror, batch)]


def _batches(files: Iterable[WantedFile]) -> Iterator[list[WantedFile]]:
    batch: list[WantedFile] = []
    size_bytes = 0
    for file in files:
        if batch and (len(batch) == TOGETHER or size_bytes + file.size_bytes > TOGETHER_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(file)
        size_bytes += file.size_bytes
    if batch:
        yield batch


def _fetch_batch(mirror: Mirror, files: Sequence[WantedFile]) -> Iterator[WantedFile]:
    first = files[0]
    if len(files) == 1 and first.sha256 is not None:
        try:
            mirror.fetch(mirror.folder / first.run, first.relative, first.sha256)
        except BrokenRunError:
            yield first
        return
    contents = mirror.remote.read_many([file.path for file in files], sum(file.size_bytes for file in files))
    whole: dict[str, bytes] = {}
    for file, content in zip(files, contents, strict=True):
        if content is not None and file.sha256 in (None, hashlib.sha256(content).hexdigest()):
            whole[file.path] = content
        else:
            yield file
    keep_files(mirror.folder, whole)
