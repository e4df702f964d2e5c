"""Family files: YAML in, validated ModelSpecs out, every complaint with file, line and field.

A family file describes models that share an architecture. It is one YAML mapping:

    family: efficientvit-seg          # required; lower-case name of the family
    task: segmentation                # required; see Task in spec.py
    provenance:                       # required; where code and configuration come from (Provenance in spec.py)
      paper: EfficientViT, ICCV 2023
      code: own
      license: Apache-2.0
    defaults:                         # optional; fields that every model below starts from
      builder: efficientvit.segmentation
      inputs: [{name: image, shape: [3, 1024, 2048]}]
      arguments: {classes: 19}
    models:                           # required; one mapping a model, its fields are those of ModelSpec in spec.py
      - id: b1-seg
        title: EfficientViT-B1 (Cityscapes)
        arguments: {backbone: b1}

A model is `defaults`, with the header's family, task and provenance, with the model's own fields laid over them:
mappings are merged key by key (above, `arguments` becomes {classes: 19, backbone: b1}), lists and scalars are
replaced whole, and `null` takes a default away. A model may override `task` and parts of `provenance` too.

Only plain YAML is read: no tags, no anchors and aliases (`defaults` is for that), no key twice. YAML 1.1 reads `1e-7`
as text: write `1.0e-7`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.located_yaml import LocatedYamlError, Place, describe, parse_yaml
from latency_bench.model_specs.spec import ModelSpec

HEADER_FIELDS = ("family", "task", "provenance", "defaults", "models")
REQUIRED_HEADER_FIELDS = ("family", "task", "provenance", "models")
INHERITED_HEADER_FIELDS = ("family", "task", "provenance")
# Set per model, so a default would either be overwritten everywhere or give two models one id.
NEVER_DEFAULTS = ("id", *INHERITED_HEADER_FIELDS)


@dataclass(frozen=True)
class FamilyEntry:
    """One model of a family file, merged with its defaults but not validated yet."""

    source: str
    """The file, as messages name it."""
    place: Place
    fields: Mapping[str, Any]
    lines: Mapping[Place, int]

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def line(self) -> int:
        return self.lines[self.place]

    def spec(self) -> ModelSpec:
        """Validate. Raises SpecError with one line for each thing that is wrong."""
        try:
            return ModelSpec.model_validate(dict(self.fields))
        except ValidationError as error:
            raise SpecError("\n".join(self._located(place, words) for place, words in describe(error))) from None

    def _located(self, place: Place, words: str) -> str:
        return f"{self.source}:{self._line_of(place)}: {words} (model {self.fields.get('id')!r})"

    def _line_of(self, location: Place) -> int:
        """Line of the field, or of the nearest thing around it: in the model's entry first, then where it came from."""
        for length in range(len(location), 0, -1):
            inner = location[:length]
            for prefix in (self.place, ("defaults",), ()):
                if (line := self.lines.get((*prefix, *inner))) is not None and (prefix or _is_inherited(inner)):
                    return line
        return self.line


def read_family_file(path: Path) -> list[FamilyEntry]:
    """The models of a family file, in its order. Raises SpecError naming file, line and field."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from None
    return parse_family(text, source=str(path))


def parse_family(text: str, source: str) -> list[FamilyEntry]:
    """As `read_family_file`, from a text; `source` names it in messages."""
    try:
        located = parse_yaml(text, source, f"a family file is one mapping with the fields {', '.join(HEADER_FIELDS)}")
    except LocatedYamlError as error:
        raise SpecError(str(error)) from None
    document, lines = located.value, located.lines
    _check_header(document, lines, source)
    defaults = document.get("defaults") or {}
    header = {name: document[name] for name in INHERITED_HEADER_FIELDS}
    return [
        FamilyEntry(source, ("models", index), _merge(_merge(defaults, header), model), lines)
        for index, model in enumerate(document["models"])
    ]


def _check_header(document: Mapping[str, Any], lines: Mapping[Place, int], source: str) -> None:
    for name in document:
        if name not in HEADER_FIELDS:
            known = ", ".join(HEADER_FIELDS)
            raise SpecError(f"{source}:{lines[(name,)]}: unknown field {name!r}; a family file has {known}")
    for name in REQUIRED_HEADER_FIELDS:
        if name not in document:
            raise SpecError(f"{source}:1: missing field {name!r}")
    for name, kind, words in (("provenance", dict, "a mapping"), ("models", list, "a list of models")):
        if not isinstance(document[name], kind):
            raise SpecError(f"{source}:{lines[(name,)]}: field {name!r} must be {words}")
    if not isinstance(document.get("defaults") or {}, dict):
        raise SpecError(f"{source}:{lines[('defaults',)]}: field 'defaults' must be a mapping")
    for name in document.get("defaults") or {}:
        if name in NEVER_DEFAULTS:
            raise SpecError(f"{source}:{lines[('defaults', name)]}: field {name!r} does not belong into 'defaults'")
    for index, model in enumerate(document["models"]):
        line = lines[("models", index)]
        if not isinstance(model, dict):
            raise SpecError(f"{source}:{line}: models[{index}] must be a mapping that starts with `id:`")
        if not isinstance(model.get("id"), str):
            raise SpecError(f"{source}:{lines.get(('models', index, 'id'), line)}: missing field 'id' (text)")
        if "family" in model:
            at = lines[("models", index, "family")]
            raise SpecError(f"{source}:{at}: field 'family' belongs into the header (model {model['id']!r})")


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: mappings key by key, anything else replaced, None removes."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        elif value is None and key in merged:
            del merged[key]
        else:
            merged[key] = value
    return merged


def _is_inherited(place: Place) -> bool:
    return place[0] in INHERITED_HEADER_FIELDS
