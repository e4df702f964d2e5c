"""What the columns read of a record, and nothing else.

Reading a row takes about half of the time that reading the whole record takes, the making of all columns included,
because what no column reads is skipped instead of checked. A record that reads well here can still be wrong in the
rest; `bench results verify` reads the whole. The models that do it are made from the paths that the columns declare and
from the record's own fields, whose types and limits they keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model
from pydantic.fields import FieldInfo

from latency_bench.harness.store.errors import ColumnError

_VERSION = "schema_version"
_Tree: TypeAlias = "dict[str, _Tree]"
"""Fields by name, and what is read of each; nothing more: the whole field."""
_Way = Literal["field", "item", "each field", "each item"]
"""From a part of the record to its field, from a dictionary to an item of it, or the same for each of a list."""


class _Part(BaseModel):
    """Only what is named here is looked at."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class _Step:
    """From one value that was read, by its number, to the next."""

    parent: int
    name: str
    way: _Way


class RecordReader:
    """Reads what some paths name, such as `summary.latency.median_ms`, from the text of a record."""

    def __init__(self, paths: Sequence[str], record: type[BaseModel]) -> None:
        """Raises ColumnError for a path that no record has."""
        self._whole = frozenset(paths)
        self._steps: list[_Step] = []
        self._number = {"": 0}
        self._types: dict[str, Any] = {}
        # Without a version it is no record, whatever the columns read.
        tree: _Tree = {_VERSION: {}}
        for path in paths:
            self._add_steps(path, record)
            self._grow(tree, path.split("."))
        self._model = _part(record, tree, "Record")
        self._places = [self._number[path] for path in paths]

    def values(self, text: bytes) -> list[Any]:
        """The values, in the order of the paths. Raises pydantic's ValidationError for anything but a record of the
        newest version."""
        read: list[Any] = [self._model.model_validate_json(text)]
        for step in self._steps:
            parent = read[step.parent]
            read.append(None if parent is None else _WALKS[step.way](parent, step.name))
        return [read[place] for place in self._places]

    def type_of(self, path: str) -> Any:
        """What every value of a path is an instance of, None apart; Any where the record leaves it open."""
        kind, is_list = _core(self._types[path])
        return Any if is_list else str if get_origin(kind) is Literal else kind

    def _grow(self, tree: _Tree, names: list[str]) -> None:
        for depth, name in enumerate(names, start=1):
            tree = tree.setdefault(name, {})
            if ".".join(names[:depth]) in self._whole:
                # Whatever else is read inside of it is there anyway.
                tree.clear()
                return

    def _add_steps(self, path: str, record: type[BaseModel]) -> None:
        kind: Any = record
        parent, in_list, in_whole = "", False, False
        for name in path.split("."):
            here = f"{parent}.{name}" if parent else name
            kind, is_list = _core(kind)
            in_list = in_list or is_list
            # Dictionaries stay what they are where they, or what they are in, is read as a whole.
            in_whole = in_whole or parent in self._whole
            is_dictionary = kind is Any or (_is_dictionary(kind) and in_whole)
            if here not in self._number:
                way: _Way = "item" if is_dictionary else "field"
                attribute = name if is_dictionary else _attribute(kind, name)
                self._steps.append(_Step(self._number[parent], attribute, _WAYS_OF_LISTS[way] if in_list else way))
                self._number[here] = len(self._steps)
            kind, parent = _inside(kind, name, path), here
        self._types[path] = Any if in_list else kind


def _item(values: Any, name: str) -> Any:
    # What a probe or a runtime left behind has the shape that it has.
    return values.get(name) if isinstance(values, dict) else None


_WAYS_OF_LISTS: dict[_Way, _Way] = {"field": "each field", "item": "each item"}
_WALKS: dict[_Way, Callable[[Any, str], Any]] = {
    "field": getattr,
    "item": _item,
    "each field": lambda parts, name: [None if part is None else getattr(part, name) for part in parts],
    "each item": lambda parts, name: [_item(part, name) for part in parts],
}


def _part(of: Any, tree: _Tree, title: str) -> type[BaseModel]:
    """A model of some fields of a part of the record, or of some items of a dictionary in it."""
    fields: dict[str, Any] = {}
    for name, inside in tree.items():
        if _is_dictionary(of):
            kind = _inside(of, name, name)
            kind = Any if kind is Any else _narrowed(kind, inside, f"{title} {name}") | None
            fields[_attribute(of, name)] = (kind, Field(default=None, alias=name))
            continue
        field = of.model_fields[name]
        if inside:
            kind = _narrowed(field.annotation, inside, f"{title} {name}")
            fields[name] = (kind, ... if field.is_required() else None)
        else:
            fields[name] = _whole_field(field, ... if name == _VERSION else field)
    return create_model(title, __base__=_Part, **fields)


def _whole_field(field: FieldInfo, default: Any) -> tuple[Any, Any]:
    """A field as the record has it; of facts whose names are anybody's only that they are a dictionary."""
    if _is_dictionary(field.annotation) and _inside(field.annotation, "", "") is Any:
        return dict[str, Any], ... if field.is_required() else Field(default_factory=dict)
    return field.annotation, default


def _narrowed(kind: Any, inside: _Tree, title: str) -> Any:
    """The type with a model of what is read of it in the place of what it is of."""
    if not inside:
        return kind
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _narrowed(arguments[0], inside, title)
    if origin in (Union, UnionType):
        return reduce(or_, (None if one is NoneType else _narrowed(one, inside, title) for one in arguments))
    if origin in (tuple, list):
        return list[_narrowed(arguments[0], inside, title)]  # type: ignore[misc]
    return _part(kind, inside, title)


def _core(kind: Any) -> tuple[Any, bool]:
    """What an optional or annotated type is of, and whether it is a list of that."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _core(arguments[0])
    if origin in (Union, UnionType):
        return _core(next(one for one in arguments if one is not NoneType))
    if origin in (tuple, list):
        return _core(arguments[0])[0], True
    return kind, False


def _inside(kind: Any, name: str, path: str) -> Any:
    """The type of a field or item; Any where the record leaves it open."""
    if kind is Any:
        return Any
    if _is_dictionary(kind):
        value = get_args(kind)[1]
        return Any if value is JsonValue else value
    if isinstance(kind, type) and issubclass(kind, BaseModel) and name in kind.model_fields:
        return kind.model_fields[name].annotation
    raise ColumnError(f"a column reads {path}, and records do not have that field; docs/store.md lists those they have")


def _is_dictionary(kind: Any) -> bool:
    return get_origin(kind) is dict


def _attribute(of: Any, name: str) -> str:
    """Items have any name, those of pydantic's own methods among them."""
    return f"item {name}" if _is_dictionary(of) else name
