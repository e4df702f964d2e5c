"""The index of a store: a row a run, kept in the user's cache folder so that records need not be read again.

It is derived and disposable. What runs there are is told by the store's folders and never by the index; a row is used
only if its record still has the size and times that it had, and if its own checksum is right. So an index that is
missing, damaged, of another version, locked or in a folder that cannot be written costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.store.columns.registry import code_digest, columns
from latency_bench.harness.store.layout import RECORD_FILE
from latency_bench.harness.store.migrations import newest_version

Row = dict[str, Any]
"""A value by the name of each column (harness/store/columns)."""

INDEX_FOLDER = "index"
LOOKUP_MAX = 500
"""Runs that one question to SQLite may be about; its oldest builds take 999 values."""

_BUSY_S = 5.0
_FAILURES = (sqlite3.Error, ValueError, OverflowError)
"""ValueError and OverflowError: what the module sqlite3 makes of texts and numbers in a damaged file."""
_CREATE = (
    "CREATE TABLE IF NOT EXISTS runs (path TEXT PRIMARY KEY, stamp TEXT, checksum INTEGER, content TEXT)",
    "CREATE TABLE IF NOT EXISTS statuses (path TEXT PRIMARY KEY, status TEXT, checksum INTEGER) WITHOUT ROWID",
)
"""Statuses lie apart, so that a list of the few runs that failed need not read all of the others' rows."""


@dataclass(frozen=True)
class Known:
    """What the index has of a run."""

    stamp: str
    row: Row


def index_folder() -> Path:
    """Where the indexes of all stores lie."""
    return cache_folder() / INDEX_FOLDER


def index_file(store: Path, only: Sequence[str] = ()) -> Path:
    """The index of a store, with all columns or with these alone; another one for every version of this program that
    makes other rows."""
    place = hashlib.sha256(os.fsencode(os.path.realpath(store))).hexdigest()[:24]
    some = hashlib.sha256(" ".join(only).encode()).hexdigest()[:8] if only else ""
    return index_folder() / f"{place}-{_version()}{some and f'-{some}'}.sqlite"


def stamp_of(run: str) -> str | None:
    """What tells that a run's record was not touched since; None where it has none. `run` is its folder."""
    try:
        found = os.stat(f"{run}/{RECORD_FILE}")
    except OSError:
        return None
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"


class Index:
    """Rows by the runs' paths in their store. Never raises: where SQLite fails, nothing is known and nothing kept."""

    def __init__(self, file: Path, only: Sequence[str] = ()) -> None:
        """`only`: the columns of the rows, where they are not all."""
        self.file = file
        self._names = tuple(only) or tuple(columns())
        self.columns = tuple(columns()[name] for name in self._names)
        """Of the rows."""
        self._connection = self._opened()

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def known(self, paths: Sequence[str]) -> dict[str, Known]:
        """What is known of runs, by path; at most LOOKUP_MAX of them."""
        marks = ",".join("?" * len(paths))
        question = f"SELECT path, stamp, checksum, content FROM runs WHERE path IN ({marks})"
        try:
            found = self._connection.execute(question, paths).fetchall()
        except _FAILURES as error:
            self._give_up(error)
            return {}
        # A damaged file can answer with any mixture of rows: only what is as it was written.
        return {
            path: Known(stamp, _decoded(content, self._names))
            for path, stamp, checksum, content in found
            if isinstance(content, str) and checksum == _checksum(path, stamp, content)
        }

    def of_another_status(self, paths: Sequence[str], status: str) -> set[str]:
        """Runs that are known to have another status; among them all of `paths`, of which there may be any number."""
        first, last = min(paths), max(paths)
        # One walk over the neighbourhood is several times quicker than looking each of them up.
        question = "SELECT path, status, checksum FROM statuses WHERE path BETWEEN ? AND ? AND status <> ?"
        try:
            found = self._connection.execute(question, (first, last, status)).fetchall()
        except _FAILURES as error:
            self._give_up(error)
            return set()
        return {path for path, other, checksum in found if checksum == _status_checksum(path, other)}

    def keep(self, rows: Sequence[tuple[str, str, Row]]) -> None:
        """Keep rows: path of the run in the store, its stamp, its row."""
        contents = [(path, stamp, _encoded(row)) for path, stamp, row in rows]
        entries = [(path, stamp, _checksum(path, stamp, content), content) for path, stamp, content in contents]
        statuses = [(path, row["status"], _status_checksum(path, row["status"])) for path, _, row in rows]
        self._write(
            ("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", entries),
            ("INSERT OR REPLACE INTO statuses VALUES (?, ?, ?)", statuses),
        )

    def forget_all_but(self, paths: Sequence[str]) -> None:
        """Drop the rows of runs that are gone; `paths` are all that the store has."""
        try:
            (count,) = self._connection.execute("SELECT count(*) FROM statuses").fetchone()
            if count <= len(paths):
                return
            there = set(paths)
            gone = [(path,) for (path,) in self._connection.execute("SELECT path FROM statuses") if path not in there]
        except _FAILURES as error:
            self._give_up(error)
            return
        self._write(("DELETE FROM runs WHERE path = ?", gone), ("DELETE FROM statuses WHERE path = ?", gone))

    def _write(self, *statements: tuple[str, Sequence[Sequence[Any]]]) -> None:
        try:
            with self._connection:
                for statement, values in statements:
                    self._connection.executemany(statement, values)
        except _FAILURES as error:
            self._give_up(error)

    def _opened(self) -> sqlite3.Connection:
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _connect(str(self.file))
        except (OSError, sqlite3.OperationalError):
            return _connect(":memory:")
        except _FAILURES:
            self._remove()
            return _connect(":memory:")

    def _give_up(self, error: Exception) -> None:
        """Go on without the file: locked, full, read-only, or damaged; the last is removed for others to make anew."""
        self.close()
        if not isinstance(error, sqlite3.OperationalError) or "decode" in str(error):
            self._remove()
        self._connection = _connect(":memory:")

    def _remove(self) -> None:
        for ending in ("", "-journal"):
            with contextlib.suppress(OSError):
                Path(f"{self.file}{ending}").unlink()


def _connect(place: str) -> sqlite3.Connection:
    connection = sqlite3.connect(place, timeout=_BUSY_S)
    try:
        # After a power cut the file may be damaged, which is found out; waiting for the disk is not worth it.
        connection.execute("PRAGMA synchronous = OFF")
        for statement in _CREATE:
            connection.execute(statement)
        connection.commit()
    except _FAILURES:
        connection.close()
        raise
    return connection


def _checksum(*texts: str) -> int:
    return zlib.crc32("\n".join(map(str, texts)).encode())


def _status_checksum(path: str, status: str) -> int:
    """As `_checksum`, quicker: it is needed for every run of a store."""
    return zlib.crc32(path.encode(), _start(status))


@functools.lru_cache(maxsize=8)
def _start(status: str) -> int:
    return _checksum(status)


def _encoded(row: Row) -> str:
    return json.dumps([value.isoformat() if isinstance(value, datetime) else value for value in row.values()])


def _decoded(content: str, names: tuple[str, ...]) -> Row:
    row = dict(zip(names, json.loads(content), strict=True))
    for name in _moments(names):
        row[name] = None if row[name] is None else datetime.fromisoformat(row[name])
    return row


@functools.lru_cache(maxsize=8)
def _moments(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if columns()[name].kind == "moment"]


def _version() -> str:
    """Changes with the code that makes rows, so that nobody has to remember to count it up."""
    here = Path(__file__).parent
    digest = hashlib.sha256(f"{newest_version()}".encode())
    for name in ("index.py", "run_table.py", "row_source.py"):
        digest.update((here / name).read_bytes())
    digest.update((here.parent / "units.py").read_bytes())
    digest.update(code_digest())
    return digest.hexdigest()[:12]
