"""Reading YAML leaves nothing behind: a host that measures for months reads its devices.yaml for every case."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latency_bench.model_specs.located_yaml import describe, parse_yaml

TEXT = "".join(f"device-{number}: {{transport: local, probes: [linux, {number}]}}\n" for number in range(20))


@pytest.fixture
def new_objects() -> Iterator[Callable[[], list[object]]]:
    """new_objects(): what was made since, and is alive. What was there before is set aside: it is millions."""
    gc.freeze()

    def alive() -> list[object]:
        gc.collect()
        return gc.get_objects()

    yield alive
    gc.unfreeze()


def test_a_document_that_was_read_is_not_kept(new_objects: Callable[[], list[object]]) -> None:
    document = parse_yaml(TEXT, "devices.yaml", "must be a mapping")
    assert document.value["device-3"] == {"transport": "local", "probes": ["linux", 3]}
    assert document.line_of(("device-3", "probes", 1)) == 4
    assert not [one for one in new_objects() if isinstance(one, yaml.Node)]


class Fields(BaseModel):
    """Of every kind that our YAML files have."""

    model_config = ConfigDict(extra="forbid")

    threads: int = 1
    seconds: float = 1.0
    quiet: bool = False
    python: tuple[str, ...] = ()
    below: dict[str, int] = {}
    binary: Path | None = None
    host: str = Field(default="a", pattern="^[a-z]+$")
    inner: Fields | None = None
    cases: tuple[Fields, ...] | None = Field(default=None, min_length=1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"threads": "two"}, "field 'threads': expected a whole number"),
        ({"threads": 1.5}, "field 'threads': expected a whole number"),
        ({"threads": [1]}, "field 'threads': expected a whole number"),
        ({"seconds": "long"}, "field 'seconds': expected a number"),
        ({"quiet": "perhaps"}, "field 'quiet': expected true or false"),
        ({"python": "python3"}, "field 'python': expected a list, such as [a, b]"),
        ({"below": 5}, "field 'below': expected `name: value` below it"),
        ({"inner": 5}, "field 'inner': expected `name: value` below it"),
        ({"inner": {"threads": None}}, "field 'inner.threads': expected a whole number"),
        ({"binary": 5}, "field 'binary': expected the path of a file"),
        ({"host": [1]}, "field 'host': expected a text"),
        ({"host": "B"}, "field 'host': has to match '^[a-z]+$'"),
        ({"hast": 1}, "unknown field 'hast'"),
        ({"cases": []}, "field 'cases': expected at least one entry"),
        ({"cases": [{"hast": 1}]}, "unknown field 'cases[0].hast'"),
    ],
)
def test_a_wrong_value_is_told_in_words_of_the_file(value: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Fields.model_validate(value)
    assert [told for _, told in describe(refused.value)] == [words]
