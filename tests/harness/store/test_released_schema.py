"""Who reads records with a released version of this program can read what today's writes, or is told to update."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.record import parse_record

EXAMPLE = Path(__file__).parent / "examples/schema_1.json"
Schema = dict[str, Any]


@pytest.fixture(scope="session")
def schemas(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/record_schema.py")


def breaks(released: Schema, current: Schema) -> Iterator[str]:
    """What a reader of the released version could not read, or would miss; nothing where the version is a new one."""
    if current["version"] != released["version"]:
        return
    for path, field in released["fields"].items():
        if path not in current["fields"]:
            yield f"{path} is gone"
        elif current["fields"][path] != field:
            yield f"{path} was {field} and is {current['fields'][path]}"
    for path, field in current["fields"].items():
        parent = path.rpartition(".")[0]
        new_part = bool(parent) and parent not in released["fields"]
        if path not in released["fields"] and field["required"] and not new_part:
            yield f"{path} is new and required, which records of this version lack"


@pytest.mark.parametrize("kind", ["run", "pair", "accuracy"])
def test_a_change_of_the_record_is_optional_or_has_a_new_version(schemas: ModuleType, kind: str) -> None:
    released, current = json.loads(schemas.RELEASED.read_text(encoding="utf-8")), schemas.current_schemas()
    assert list(breaks(released[kind], current[kind])) == [], (
        "raise the version with a step in harness/store/migrations.py, or beside the record; docs/store.md says which "
        "change needs one"
    )


def test_every_kind_of_record_is_held_to_its_released_fields(schemas: ModuleType) -> None:
    released = json.loads(schemas.RELEASED.read_text(encoding="utf-8"))
    assert set(released) == set(schemas.current_schemas()) == {"run", "pair", "accuracy"}
    assert "ratios.low" in released["pair"]["fields"]
    assert "metrics" in released["accuracy"]["fields"]
    assert "sides.protocol" not in released["pair"]["fields"], "a side is a run, and changes with its version"


FIELD = {"types": ["number"], "required": True}
OPTIONAL = {"types": ["number", "null"], "required": False}


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"b": OPTIONAL}, False),
        ({"b": OPTIONAL, "b.c": FIELD}, False),
        ({"b": FIELD}, True),
        ({"a": None}, True),
        ({"a": {**FIELD, "types": ["string"]}}, True),
        ({"a": {**FIELD, "required": False}}, True),
    ],
)
def test_what_breaks_a_released_reader(change: dict[str, Any], broken: bool) -> None:
    fields = {"a": FIELD, **change}
    current = {"version": 1, "fields": {path: field for path, field in fields.items() if field is not None}}
    released = {"version": 1, "fields": {"a": FIELD}}
    assert bool(list(breaks(released, current))) is broken
    assert not list(breaks(released, {**current, "version": 2}))


def test_fields_of_a_later_release_are_left_aside() -> None:
    document = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    known = parse_record(json.dumps(document).encode())
    document["mood"] = "sunny"
    document["model"]["colour"] = {"hue": 3}
    document["rounds"][0]["moon"] = "full"
    assert parse_record(json.dumps(document).encode()) == known


def test_a_known_field_that_is_wrong_is_refused_beside_an_unknown_one() -> None:
    document = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    document["mood"] = "sunny"
    document["model"]["batch"] = "four"
    with pytest.raises(BrokenRunError, match=r"model\.batch"):
        parse_record(json.dumps(document).encode())
