"""Family files: what merges into a spec, and that every complaint names file, line and field."""

from __future__ import annotations

import textwrap

import pytest

from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.family_file import parse_family

GOOD = """\
family: toys
task: classification
provenance:
  paper: none
  code: own
  license: MIT
defaults:
  builder: toys.net
  arguments: {classes: 10, width: 8}
  inputs: [{name: image, shape: [3, 32, 32]}]
  outputs: [{name: logits, channels: 10}]
models:
  - id: toy-a
    title: Toy A
    arguments: {width: 16}
  - id: toy-b
    title: Toy B
    inputs: [{name: image, shape: [3, 64, 64]}]
    provenance: {note: drawn by hand}
    arguments: {classes: null}
"""


def test_a_model_is_the_defaults_with_its_own_fields_laid_over_them() -> None:
    a, b = (entry.spec() for entry in parse_family(GOOD, "toys.yaml"))
    assert (a.family, a.task, a.builder, a.provenance.license) == ("toys", "classification", "toys.net", "MIT")
    assert a.arguments == {"classes": 10, "width": 16}
    assert a.resolution == (32, 32)
    assert b.arguments == {"width": 8}, "null takes a default away"
    assert b.resolution == (64, 64), "a list is replaced whole"
    assert (b.provenance.note, b.provenance.license) == ("drawn by hand", "MIT")


def replaced(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param(replaced("title: Toy A", "titel: Toy A"), 14, "unknown field 'titel'", id="unknown in a model"),
        pytest.param(replaced("    title: Toy A\n", ""), 13, "missing field 'title'", id="missing in a model"),
        pytest.param(
            replaced("shape: [3, 64, 64]", "shape: [3, wide, 64]"), 18, "field 'inputs[0].shape[1]'", id="wrong type"
        ),
        pytest.param(
            replaced("shape: [3, 64, 64]", "shape: [3, 0, 64]"), 18, "field 'inputs[0].shape'", id="wrong value"
        ),
        pytest.param(
            replaced("  builder: toys.net", "  builder: 7"), 8, "field 'builder'", id="wrong type in the defaults"
        ),
        pytest.param(
            replaced("  license: MIT\n", ""), 3, "missing field 'provenance.license'", id="missing in the header"
        ),
        pytest.param(replaced("family: toys", "famly: toys"), 1, "unknown field 'famly'", id="unknown in the header"),
        pytest.param(replaced("task: classification\n", ""), 1, "missing field 'task'", id="header without task"),
        pytest.param(replaced("task: classification", "task: guessing"), 2, "field 'task'", id="no such task"),
        pytest.param(replaced("    title: Toy A", "    id: toy-c"), 14, "'models[0].id' is given twice", id="twice"),
        pytest.param(replaced("- id: toy-b", "- name: toy-b"), 16, "missing field 'id'", id="no id"),
        pytest.param(replaced("- id: toy-b", "- id: Toy B!"), 16, "field 'id'", id="id that is no id"),
        pytest.param(replaced("width: 16", "eps: 1e-7"), 15, "with a point", id="a number that YAML reads as text"),
        pytest.param(replaced("width: 16", "made: 2024-01-01"), 15, "are not read", id="a date"),
        pytest.param(replaced("classes: 10", "!!python/name:os.system x: 1"), 9, "name must be text", id="a tag"),
        pytest.param(
            replaced("  builder: toys.net", "  id: toys"), 8, "does not belong into 'defaults'", id="id as a default"
        ),
        pytest.param(replaced("arguments: {width: 16}", "arguments: {width: 16"), 16, "not valid YAML", id="syntax"),
    ],
)
def test_a_complaint_names_file_line_and_field(text: str, line: int, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        _ = [entry.spec() for entry in parse_family(text, "toys.yaml")]
    complaints = str(caught.value).splitlines()
    assert any(text.startswith(f"toys.yaml:{line}: ") and words in text for text in complaints), complaints


def test_every_wrong_field_is_told_at_once() -> None:
    text = replaced("title: Toy A", "titel: Toy A")
    with pytest.raises(SpecError) as caught:
        parse_family(text, "toys.yaml")[0].spec()
    assert len(str(caught.value).splitlines()) == 2, "unknown 'titel' and missing 'title'"


def test_anchors_are_refused_so_that_a_small_file_cannot_unfold_into_a_large_one() -> None:
    text = textwrap.dedent("""\
        family: &a [x, x]
        task: [*a, *a]
        """)
    with pytest.raises(SpecError, match=r"toys\.yaml:1: .*anchors are not read"):
        parse_family(text, "toys.yaml")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_file_that_is_no_mapping_says_what_it_should_be(text: str) -> None:
    with pytest.raises(SpecError, match=r"toys.yaml:1: a family file is one mapping"):
        parse_family(text, "toys.yaml")
