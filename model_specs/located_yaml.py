"""Plain YAML with the line of every field, so that a complaint can name file, line and field.

Read by all that a user writes: family files, devices.yaml, protocols, campaigns. No tags, no anchors and aliases (a
file is as large as it looks), no key twice; nothing is ever constructed but text, numbers, booleans and null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Model = TypeVar("Model", bound=BaseModel)

Place = tuple[str | int, ...]
"""Path of a field inside the file: ("models", 3, "inputs", 0, "shape")."""

_FLOAT_THAT_YAML_READS_AS_TEXT = re.compile(r"[-+]?\d[\d_]*[eE][-+]?\d+")
# The loaders construct nothing here; the C parser is about ten times as fast and gives the same nodes.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}


class LocatedYamlError(ValueError):
    """A file that a user wrote is wrong; each line of the message begins with `file:line:`."""


@dataclass(frozen=True)
class LocatedYaml:
    """A YAML mapping and the line of each of its fields."""

    source: str
    """The file, as messages name it."""
    value: dict[str, Any]
    lines: dict[Place, int]

    def line_of(self, place: Place) -> int:
        """Line of the field, or of the nearest thing around it."""
        for length in range(len(place), 0, -1):
            if (line := self.lines.get(place[:length])) is not None:
                return line
        return 1

    def validate(self, model: type[Model], place: Place = (), **extra: Any) -> Model:
        """The mapping at `place`, with `extra` fields added, as a pydantic model. Raises LocatedYamlError."""
        from pydantic import ValidationError

        part: Any = self.value
        for step in place:
            part = part[step]
        if not isinstance(part, dict):
            raise LocatedYamlError(f"{self.source}:{self.line_of(place)}: {dotted(place)} must be a mapping of fields")
        try:
            validated = model.model_validate({**part, **extra})
            self._refuse_booleans(part, validated, place)
            return validated
        except ValidationError as error:
            problems = [
                f"{self.source}:{self.line_of((*place, *location))}: {words}" for location, words in describe(error)
            ]
            raise LocatedYamlError("\n".join(problems)) from None

    def _refuse_booleans(self, given: Any, taken: Any, place: Place) -> None:
        """pydantic takes true for 1. Raises LocatedYamlError where it made a number of a truth value."""
        if isinstance(given, bool) and isinstance(taken, (int, float)) and not isinstance(taken, bool):
            words = f"expected a number, not {str(given).lower()}"
            raise LocatedYamlError(f"{self.source}:{self.line_of(place)}: field {dotted(place)!r}: {words}")
        if isinstance(given, dict):
            for name, value in given.items():
                below = taken.get(name) if isinstance(taken, dict) else getattr(taken, name, None)
                self._refuse_booleans(value, below, (*place, name))
        elif isinstance(given, list) and isinstance(taken, (list, tuple)) and len(given) == len(taken):
            for index, (value, below) in enumerate(zip(given, taken, strict=True)):
                self._refuse_booleans(value, below, (*place, index))


def read_yaml(path: Path, root: str) -> LocatedYaml:
    """Read a file whose root is a mapping; `root` says in words what it should be. Raises LocatedYamlError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LocatedYamlError(f"{path}: cannot be read: {error}") from None
    return parse_yaml(text, str(path), root)


def parse_yaml(text: str, source: str, root: str) -> LocatedYaml:
    """As `read_yaml`, from a text; `source` names it in messages."""
    document = _Document(source)
    try:
        node = yaml.compose(text, Loader=_LOADER)
        if not isinstance(node, MappingNode):
            raise LocatedYamlError(f"{source}:1: {root}")
        return LocatedYaml(source, document.plain(node), document.lines)
    except RecursionError:
        raise LocatedYamlError(f"{source}:1: not read: brackets are nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LocatedYamlError(f"{source}:{mark.line + 1 if mark else 1}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise LocatedYamlError(f"{source}:1: not valid YAML: {error}") from None


def describe(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Where and what, in our words, for each thing that pydantic found."""
    problems = error.errors(include_url=False)
    for problem in problems:
        location, kind, message = problem["loc"], problem["type"], problem["msg"]
        if kind == _TOO_FEW and any(one["loc"][: len(location)] == location for one in problems if one is not problem):
            continue  # Those that are wrong themselves were not counted.
        field = dotted(location)
        said = wrong_value(kind, message)
        words = {
            "extra_forbidden": f"unknown field {field!r}",
            "missing": f"missing field {field!r}",
        }.get(kind, f"field {field!r}: {said}" if location else said)
        yield location, words


_TOO_FEW = "too_short"
_EXPECTED = {
    _TOO_FEW: "expected at least one entry",
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "expected a list, such as [a, b]"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "dataclass_type"), "expected `name: value` below it"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "expected a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "expected a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "expected true or false"),
    "string_type": "expected a text",
    "string_unicode": "expected a text; these bytes are not UTF-8",
    "path_type": "expected the path of a file",
}
"""For values of the wrong type, of which pydantic speaks in Python's terms."""


def wrong_value(kind: str, message: str) -> str:
    """What is wrong with one value, in our words; `kind` and `message` are pydantic's."""
    said = (
        _EXPECTED.get(kind, message)
        .removeprefix("Value error, ")
        .replace("String should match pattern", "has to match")
    )
    return f"{said[:1].lower()}{said[1:]}"


def dotted(place: Sequence[str | int]) -> str:
    """("inputs", 0, "shape") -> inputs[0].shape"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


class _Document:
    """One text on its way to plain values. PyYAML's constructor keeps every node that it was given, so that it lives no
    longer than its document."""

    def __init__(self, source: str) -> None:
        self.lines: dict[Place, int] = {}
        self._source = source
        self._seen: set[int] = set()
        self._constructor = yaml.constructor.SafeConstructor()

    def plain(self, node: Node, place: Place = ()) -> Any:
        """The node as plain Python values; fills `lines`. Raises LocatedYamlError."""
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if node.tag not in _PLAIN_TAGS:
            raise self._error(line, f"{dotted(place)}: values of type {node.tag!r} are not read; quote it")
        if isinstance(node, ScalarNode):
            if node.tag.endswith(":str") and not node.style and _FLOAT_THAT_YAML_READS_AS_TEXT.fullmatch(node.value):
                words = f"YAML reads {node.value} as text; write it with a point, as 1.0e-7"
                raise self._error(line, f"{dotted(place)}: {words}")
            try:
                return self._constructor.construct_object(node)
            except (yaml.YAMLError, ValueError) as error:
                raise self._error(line, f"{dotted(place)}: {error}") from None
        if id(node) in self._seen:
            raise self._error(line, f"{dotted(place)}: YAML anchors are not read; write the value again")
        self._seen.add(id(node))
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*place, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return dict(self._pairs(node, place))

    def _pairs(self, node: MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        known: set[str] = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or not key_node.tag.endswith(":str"):
                raise self._error(line, f"{dotted(place) or 'file'}: a field's name must be text; quote it")
            key = str(key_node.value)
            if key in known:
                raise self._error(line, f"field {dotted((*place, key))!r} is given twice")
            known.add(key)
            field = (*place, key)
            self.lines[field] = line
            yield key, self.plain(value_node, field)

    def _error(self, line: int, words: str) -> LocatedYamlError:
        return LocatedYamlError(f"{self._source}:{line}: {words}")
