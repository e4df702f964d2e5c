"""Transports, runners and probes by name: ours are the files of a folder, others come from installed packages.

`devices/probes/linux.py` is the probe `linux` because it holds a `Probe` of that name; nothing lists it a second time.
A package of a third party names its classes as entry points in the groups `bench.transports`, `bench.runners` and
`bench.probes`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from latency_bench.devices.errors import InventoryError
from latency_bench.devices.probes.base import Probe
from latency_bench.devices.runners.base import Runner
from latency_bench.devices.transports.base import Transport

Kind = Literal["transport", "runner", "probe"]

BASES: dict[Kind, type[Any]] = {"transport": Transport, "runner": Runner, "probe": Probe}
_registered: dict[tuple[Kind, str], type[Any]] = {}


def find_part(kind: Kind, name: str) -> type[Any]:
    """The class called `name`. Raises InventoryError where there is none, or where its package cannot be loaded."""
    part = _part(kind, name, tuple(sys.path))
    if part is None:
        raise InventoryError(f"no {kind} is called {name!r}", f"Known: {', '.join(part_names(kind))}")
    if isinstance(part, InventoryError):
        raise InventoryError(part.message, part.remedy)
    return part


def installed_part(kind: Kind, name: str) -> type[Any] | None:
    """The class called `name`; None where there is none that works. Quick enough for every record of a store."""
    part = _part(kind, name, tuple(sys.path))
    return None if isinstance(part, InventoryError) else part


def part_names(kind: Kind) -> list[str]:
    """All names that `find_part` knows, in alphabetical order."""
    ours = {part.name for module in _modules(kind) for part in _classes(kind, module)}
    registered = {name for known, name in _registered if known == kind}
    return sorted({*ours, *registered, *_entries(kind, tuple(sys.path))})


def register_part(kind: Kind, part: type[Any]) -> None:
    """Make a class known to this process alone, under its `name`."""
    _registered[kind, part.name] = part


def _part(kind: Kind, name: str, path: tuple[str, ...]) -> type[Any] | InventoryError | None:
    return _registered.get((kind, name)) or _ours(kind, name) or _theirs(kind, name, path)


@lru_cache(maxsize=256)
def _ours(kind: Kind, name: str) -> type[Any] | None:
    # A name may come from a record: it is looked up in the listing and never imported as it is.
    if name not in _modules(kind):
        return None
    return next((part for part in _classes(kind, name) if part.name == name), None)


@lru_cache
def _modules(kind: Kind) -> tuple[str, ...]:
    """Files in the folder of a kind."""
    package = importlib.import_module(f"latency_bench.devices.{kind}s")
    return tuple(module.name for module in pkgutil.iter_modules(package.__path__))


def _classes(kind: Kind, module_name: str) -> Iterator[Any]:
    """Classes of the kind that a file itself defines and names."""
    module = importlib.import_module(f"latency_bench.devices.{kind}s.{module_name}")
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and issubclass(value, BASES[kind]) and isinstance(getattr(value, "name", None), str):
            yield value


@lru_cache(maxsize=256)
def _theirs(kind: Kind, name: str, path: tuple[str, ...]) -> type[Any] | InventoryError | None:
    """The class of an installed package, or why it is none; looked for again when sys.path has changed."""
    if (entry := _entries(kind, path).get(name)) is None:
        return None
    base = BASES[kind]
    try:
        part = entry.load()
    except Exception as error:
        return InventoryError(
            f"the {kind} {name!r} ({entry.value}) cannot be loaded: {type(error).__name__}: {error}",
            "mend or uninstall the package that brings it",
        )
    if not (isinstance(part, type) and issubclass(part, base) and getattr(part, "name", None) == name):
        return InventoryError(
            f"the {kind} {name!r} ({entry.value}) is not a {base.__name__} of that name",
            f"its class has to be a subclass of {base.__module__}.{base.__name__} with name = {name!r}",
        )
    return part


@lru_cache(maxsize=32)
def _entries(kind: Kind, _path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Entry points of installed packages; looked for again when sys.path has changed."""
    return {entry.name: entry for entry in entry_points(group=f"bench.{kind}s")}
