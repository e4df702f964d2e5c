"""Every column there is: ours in the order of the run table, then those of installed packages."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, get_args

from latency_bench.harness.identity.conditions_code import conditions_code
from latency_bench.harness.store.columns import (
    artifact,
    conditions,
    delegation,
    device,
    latency,
    model,
    quantisation,
    resources,
    run,
    runtime,
    sustained,
    throughput,
    verdict,
)
from latency_bench.harness.store.columns.column import Column, Kind
from latency_bench.harness.store.errors import ColumnError

ENTRY_POINT_GROUP = "bench.columns"
_REMEDY = "mend or uninstall the package that declares it"
OURS = (
    *run.IDENTITY,
    *device.COLUMNS,
    *model.SUBJECT,
    *runtime.COLUMNS,
    *delegation.COLUMNS,
    *quantisation.COLUMNS,
    *conditions.COLUMNS,
    *run.REQUEST,
    *latency.COLUMNS,
    *sustained.COLUMNS,
    *throughput.COLUMNS,
    *resources.COLUMNS,
    *model.SIZE,
    *artifact.COLUMNS,
    *verdict.TRUST,
    *verdict.FAILURE,
)


@cache
def columns() -> Mapping[str, Column]:
    """By name, in order. Raises ColumnError for a package whose columns cannot be loaded."""
    table = {column.name: column for column in OURS}
    taken = {name for column in OURS for name in (column.name, column.short)}
    for entry in _entry_points():
        for column in _columns_of(entry):
            names = {column.name, column.short or column.name}
            if names & taken:
                raise ColumnError(f"{_named(entry)}: {' and '.join(sorted(names & taken))} is taken; {_REMEDY}")
            table[column.name] = column
            taken |= names
    return MappingProxyType(table)


def find_columns(names: str | Iterable[str], beside: Iterable[Column] = ()) -> list[Column]:
    """Columns by name or short name, of a list with commas or several. `beside`: what the caller has beside the run
    table. Raises ColumnError for an unknown one."""
    words = [word.strip() for name in ([names] if isinstance(names, str) else names) for word in name.split(",")]
    known = {**_short_names(), **columns(), **{column.name: column for column in beside}}
    return [known.get(word) or _unknown(word, known) for word in words if word]


def _short_names() -> dict[str, Column]:
    return {column.short: column for column in columns().values() if column.short}


@cache
def code_digest() -> bytes:
    """Changes with the code of any declaration, so that a row made by other code is not taken for one of today."""
    # Looked at once: the metadata of all installed packages are searched, which takes as long as a hundred rows.
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    digest.update(conditions_code())
    for entry in _entry_points():
        digest.update(f"{entry.name} {entry.value} {entry.dist.version if entry.dist else ''}".encode())
        _columns_of(entry)
        source = getattr(sys.modules[entry.module], "__file__", None)
        digest.update(Path(source).read_bytes() if source else b"")
    return digest.digest()


def forget() -> None:
    """Look for columns anew at the next call, after a package was installed."""
    columns.cache_clear()
    code_digest.cache_clear()
    _entry_points.cache_clear()


@cache
def _entry_points() -> list[EntryPoint]:
    return sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name)


def _columns_of(entry: EntryPoint) -> Sequence[Column]:
    """What an entry point names: a column, or several in a tuple or list."""
    try:
        loaded = entry.load()
    except Exception as error:  # Whatever a foreign package raises at import: name the package, it is not our fault.
        raise ColumnError(f"{_named(entry)} cannot be loaded: {error}; {_REMEDY}") from error
    theirs = [loaded] if isinstance(loaded, Column) else loaded
    if not isinstance(theirs, (list, tuple)) or not all(isinstance(one, Column) for one in theirs):
        raise ColumnError(f"{_named(entry)} is neither a Column nor a tuple of them; {_REMEDY}")
    for column in theirs:
        if problem := _problem(column):
            raise ColumnError(f"{_named(entry)}: the column {column.name!r:.60} {problem}; {_REMEDY}")
    return theirs


def _problem(column: Column) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", column.name):
        return "has a name with characters other than a to z, 0 to 9 and _"
    if column.kind not in get_args(Kind):
        return f"has the kind {column.kind!r}, and the kinds are {', '.join(get_args(Kind))}"
    if not column.reads or (column.value is None and len(column.reads) > 1):
        return "has to read one field, or several with a function that makes one value of them"
    return None


def _named(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"entry point {entry.name!r}{package} ({ENTRY_POINT_GROUP} = {entry.value!r})"


def _unknown(word: str, known: Iterable[str]) -> NoReturn:
    import difflib

    near = difflib.get_close_matches(word, list(known), n=3)
    hint = f"nearest: {', '.join(near)}" if near else f"the columns are {', '.join(columns())}"
    raise ColumnError(f"there is no column called {word!r}; {hint}")
