"""Packs of records at a store's address: many runs are listed by a few requests.

<address>/.index/<writer>-<number>.jsonl.gz      a run a line: its name, its record.json as text, and its hash

Whoever sends a run writes it into his latest pack; whoever had to read many records one by one packs them for the next.
Packs are derived: which runs there are is told by the folders at the address alone, a run that no pack has is read from
its own record, and `bench results verify` looks at the records themselves. They may be deleted.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import secrets
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from latency_bench.harness.store.address import Address
from latency_bench.harness.store.errors import StoreError
from latency_bench.harness.store.layout import RECORD_FILE

INDEX_FOLDER = ".index"
PACK_RUNS = 128
"""Runs in a pack: what a writer sends again with each run, at most."""
WORTH_PACKING = 32
"""Records that were read one by one and are then packed for others."""
_PACK_MAX_BYTES = 256 << 20
"""Of a pack once it is unpacked."""


def packed(records: Mapping[str, bytes]) -> bytes:
    """A pack's content."""
    lines = [
        json.dumps({"run": name, "record": record.decode(), "sha256": hashlib.sha256(record).hexdigest()})
        for name, record in sorted(records.items())
    ]
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)


def unpacked(content: bytes) -> dict[str, bytes]:
    """The records of a pack by run; a damaged one has none, or fewer."""
    found: dict[str, bytes] = {}
    try:
        text = zlib.decompressobj(wbits=31).decompress(content, _PACK_MAX_BYTES)
    except zlib.error:
        return found
    for line in text.split(b"\n"):
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            entry = json.loads(line)
            record = entry["record"].encode()
            if hashlib.sha256(record).hexdigest() == entry["sha256"]:
                found[str(entry["run"])] = record
    return found


class RecordPacks:
    """The packs of an address, and those that the mirror in `folder` writes."""

    def __init__(self, address: Address, folder: Path) -> None:
        self._address = address
        self._folder = folder

    def read(self, wanted: Collection[str]) -> dict[str, bytes]:
        """The records of these runs that the packs have. Raises StoreError."""
        found: dict[str, bytes] = {}
        names = sorted(self._address.files(INDEX_FOLDER))
        for content in self._address.read_many(names):
            found |= {name: record for name, record in unpacked(content or b"").items() if name in wanted}
        return found

    def add(self, names: Sequence[str]) -> None:
        """Write runs of the mirror into its latest pack. That a pack cannot be written harms nobody."""
        try:
            with self._latest() as latest:
                for name in names:
                    latest.append(name)
                    if len(latest) > PACK_RUNS or name == names[-1]:
                        self._write(latest)
        except (OSError, StoreError, ValueError):
            return

    def _write(self, latest: list[str]) -> None:
        records = {name: (self._folder / name / RECORD_FILE).read_bytes() for name in latest[1:]}
        self._address.put(f"{INDEX_FOLDER}/{latest[0]}.jsonl.gz", packed(records))
        if len(latest) > PACK_RUNS:
            latest[:] = [secrets.token_hex(8)]

    @contextmanager
    def _latest(self) -> Iterator[list[str]]:
        """The latest pack's id and its runs, one process at a time."""
        state = self._folder / INDEX_FOLDER
        with state.open("a+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            latest = file.read().split() or [secrets.token_hex(8)]
            yield latest
            file.seek(0)
            file.truncate()
            file.write("\n".join(latest))
