"""The file formats: one file each in this folder, found by listing it, its class named like the file. A package of
somebody else's adds one by an entry point of the group `bench.formats` that names a subclass of `format.Format`."""

from __future__ import annotations

import contextlib
import importlib
import os
from importlib.metadata import entry_points
from pathlib import Path

from latency_bench.harness.export.errors import UnknownFormatError
from latency_bench.harness.export.format import Format

GROUP = "bench.formats"


def format_names() -> list[str]:
    """Ours and those of third parties, sorted."""
    return sorted({*_own_names(), *(entry.name for entry in entry_points(group=GROUP))})


def find_format(name: str) -> Format:
    """Raises UnknownFormatError with the known names, or with the reason why a third party's cannot be imported."""
    if name in _own_names():
        return _format_in(importlib.import_module(f"{__name__}.{name}"), name)()
    for entry in entry_points(group=GROUP, name=name):
        try:
            found = entry.load()
        except Exception as error:
            raise UnknownFormatError(
                f"the format {name} ({entry.value}) cannot be imported: {type(error).__name__}: {error}"
            ) from error
        if not (isinstance(found, type) and issubclass(found, Format) and getattr(found, "name", None) == name):
            raise UnknownFormatError(f"the format {name} ({entry.value}) is not a subclass of Format with that name")
        return found()
    raise UnknownFormatError(f"there is no file format called {name!r}; the formats are {', '.join(format_names())}")


def known_formats() -> list[Format]:
    """All of them; one of a third party that cannot be imported is left out, and told where it is asked for by name."""
    known = []
    for name in format_names():
        with contextlib.suppress(UnknownFormatError):
            known.append(find_format(name))
    return known


def format_of_file(path: Path) -> str | None:
    """The format of a file that can be brought, told by its ending; None for any other."""
    endings = {one.suffix: one.name for one in known_formats() if one.usual_runtime is not None}
    return endings.get(path.suffix)


def own_formats() -> list[Format]:
    """Without those of third parties."""
    return [find_format(name) for name in _own_names()]


def _own_names() -> list[str]:
    files = os.listdir(Path(__file__).parent)
    return sorted(file.removesuffix(".py") for file in files if file.endswith(".py") and not file.startswith("_"))


def _format_in(module: object, name: str) -> type[Format]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Format) and getattr(value, "name", None) == name:
            return value
    raise AssertionError(f"formats/{name}.py has no format of that name")
