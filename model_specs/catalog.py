"""The catalog: every model that can be measured, from our family files and from those of installed packages.

Ours are `model_specs/families/*.yaml`. A package of a third party adds its own by an entry point of the group
`bench.families` whose value is a package that holds *.yaml files; `family_file.py` describes the format. A file of the
user's own, `specs.yaml` in the working folder or another that `use_specs` names, is read beside them.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.model_specs.errors import SpecError, UnknownModelError

if TYPE_CHECKING:
    from latency_bench.model_specs.family_file import FamilyEntry
    from latency_bench.model_specs.spec import ModelSpec

ENTRY_POINT_GROUP = "bench.families"


def load_spec(model_id: str) -> ModelSpec:
    """The spec of one model of the catalog, or of one that has no file because its id says all (generated.py).

    Raises UnknownModelError with the nearest ids, or SpecError naming file, line and field of what is wrong with it.
    """
    from latency_bench.model_specs.generated import generated_spec, named_in_libraries
    from latency_bench.model_specs.user_builders import is_user_builder, registered

    entries = _entries()
    if model_id in entries:
        spec = _validated(model_id)
        if is_user_builder(spec.builder) and registered(spec.builder) is None:
            raise SpecError(
                f"{model_id} of {entries[model_id].source} is built by Python code, {spec.builder}; "
                "name the file if that is meant to be run: --specs specs.yaml"
            )
        return spec
    if model_id in _added:
        return _added[model_id]
    if (made := generated_spec(model_id)) is not None:
        return made
    nearest = named_in_libraries(model_id) or difflib.get_close_matches(model_id, entries, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(nearest)}?" if nearest else "`bench models ls` lists them."
    raise UnknownModelError(f"there is no model called {model_id!r}; {hint}")


def list_specs() -> tuple[ModelSpec, ...]:
    """Every model, in the order of the files (by name) and of the models inside them.

    Raises SpecError if any family file is wrong.
    """
    return (*(_validated(model_id) for model_id in _entries()), *_added.values())


def shipped_families() -> tuple[str, ...]:
    """The families of our own files, those with the most models first: an order that does not depend on what else is
    installed."""
    from collections import Counter

    folder = str(resources.files("latency_bench.model_specs") / "families")
    ours = [str(entry.fields["family"]) for entry in _entries().values() if str(Path(entry.source).parent) == folder]
    return tuple(name for name, _ in Counter(sorted(ours)).most_common())


_added: dict[str, ModelSpec] = {}
"""Models that no file describes: those that this process was given."""


def add_spec(spec: ModelSpec) -> None:
    """Make a model known to this process by its id. Raises SpecError where another model has it."""
    require_free_id(spec.id)
    if _added.setdefault(spec.id, spec) != spec:
        raise SpecError(f"{spec.id!r} is another model's id; choose another --name")


def require_free_id(model_id: str) -> None:
    """Raises SpecError for an id that a model of the catalog has."""
    if model_id in _entries():
        raise SpecError(f"{model_id!r} is another model's id; choose another --name")


def family_files() -> tuple[Path, ...]:
    """Our family files, then those of installed packages, then the user's own.

    Raises SpecError if a package has none to give.
    """
    ours = _yaml_files(str(resources.files("latency_bench.model_specs") / "families"))
    theirs = [
        file
        for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name)
        for file in _files_of(entry)
    ]
    return (*ours, *theirs, *_users_own())


SPECS_FILE = Path("specs.yaml")
"""Of the user's own, in the working folder."""
_named_files: list[Path] = []


def use_specs(path: Path) -> None:
    """Read a family file of the user's own from now on, in place of `specs.yaml` of the working folder."""
    if path.absolute() not in _named_files:
        _named_files.append(path.absolute())
        forget()


def _users_own() -> tuple[Path, ...]:
    if _named_files:
        return tuple(_named_files)
    return (SPECS_FILE.absolute(),) if SPECS_FILE.is_file() else ()


def _files_of(entry: EntryPoint) -> tuple[Path, ...]:
    try:
        folder = resources.files(entry.load())
    except Exception as error:  # Whatever a foreign package raises at import: name the package, it is not our fault.
        raise SpecError(
            f"entry point {entry.name!r} ({ENTRY_POINT_GROUP} = {entry.value!r}) cannot be loaded: {error}; "
            "fix or uninstall the package that declares it"
        ) from error
    files = _yaml_files(str(folder))
    if not files:
        raise SpecError(f"entry point {entry.name!r} ({entry.value!r}): no *.yaml file in {folder}")
    return files


def _yaml_files(folder: str) -> tuple[Path, ...]:
    return tuple(sorted(Path(folder).glob("*.yaml")))


@cache
def _entries() -> dict[str, FamilyEntry]:
    """Every entry by id, parsed once a process."""
    from latency_bench.model_specs.family_file import read_family_file

    entries: dict[str, FamilyEntry] = {}
    for file in family_files():
        for entry in read_family_file(file):
            if (first := entries.get(entry.id)) is not None:
                raise SpecError(
                    f"{entry.source}:{entry.line}: model id {entry.id!r} is taken by {first.source}:{first.line}"
                )
            entries[entry.id] = entry
    return entries


@cache
def _validated(model_id: str) -> ModelSpec:
    from latency_bench.model_specs.user_builders import is_user_builder, register

    entry = _entries()[model_id]
    spec = entry.spec()
    source = Path(entry.source)
    # A file that merely lies in the working folder may have come with somebody else's checkout: it runs nothing.
    if is_user_builder(spec.builder) and source in _named_files:
        register(spec.builder, source.parent)
    return spec


def forget() -> None:
    """Read the family files anew at the next call (after a package was installed, or in a test)."""
    _entries.cache_clear()
    _validated.cache_clear()
