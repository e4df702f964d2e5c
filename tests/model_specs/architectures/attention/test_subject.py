"""Ids of attentions: one subject, one id, and nothing else is one."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.model_specs import SpecError, UnknownModelError, load_spec
from latency_bench.model_specs.architectures.attention.subject import Form, Scope, Subject, map_of, parse_subject
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.spec import ID_PATTERN


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    scope = draw(st.sampled_from(get_args(Scope)))
    return Subject(
        form=draw(st.sampled_from(get_args(Form))),
        heads=draw(st.integers(1, 99999)),
        head_dim=draw(st.integers(1, 9999)),
        tokens=draw(st.integers(1, 9_999_999)),
        scope=scope,
        multi_scale=draw(st.booleans()),
        repeats=1 if scope == "core" else draw(st.integers(1, 9999)),
    )


@given(subjects())
def test_an_id_and_its_subject_are_the_same_thing(subject: Subject) -> None:
    assert parse_subject(subject.id) == subject
    assert re.fullmatch(ID_PATTERN, subject.id), "every id is a name that the store takes"


@given(st.text(alphabet="-abdehlmnorstux0123456789./", max_size=40))
def test_whatever_is_parsed_is_written_as_it_was(text: str) -> None:
    try:
        subject = parse_subject("attn-" + text)
    except UnknownModelError:
        return
    assert subject.id == "attn-" + text


@pytest.mark.parametrize(
    "wrong",
    [
        "attn-",
        "attn-cosine-h8-d16-n64",
        "attn-softmax-h0-d16-n64",
        "attn-softmax-h8-d16-n064",
        "attn-softmax-h8-d16-n64-x1",
        "attn-softmax-h8-d16-n64-x2",
        "attn-softmax-core-h8-d16-n64",
        "attn-softmax-h8-d16-n64\n",
        "attn-softmax-h8-d16-n٦٤",
        "attn-softmax-h8-d16-n64/../..",
    ],
)
def test_everything_else_is_refused_with_how_ids_are_made(wrong: str) -> None:
    with pytest.raises(UnknownModelError, match="attn-FORM"):
        load_spec(wrong)


@given(st.integers(1, 20000))
def test_a_map_has_the_tokens_and_is_as_square_as_it_gets(tokens: int) -> None:
    height, width = map_of(tokens)
    assert height * width == tokens
    assert height <= width
    assert not any(tokens % other == 0 for other in range(height + 1, int(tokens**0.5) + 1))


def test_the_spec_is_one_like_any_other() -> None:
    spec = load_spec("attn-softmax-ms-module-h8-d16-n2048")
    assert (spec.family, spec.task) == ("attention", "attention")
    assert spec.inputs[0].shape == (128, 32, 64)
    assert "8 heads of 16" in spec.title
    assert load_spec("attn-softmax-ms-h8-d16-n2048").inputs[0].shape == (384, 32, 64)


def test_another_map_of_the_same_tokens_is_the_same_subject_and_another_number_is_not() -> None:
    spec = load_spec("attn-relu-linear-h1-d4-n64")
    build_module(spec.at((4, 16)))
    with pytest.raises(SpecError, match="4x4 are 16 tokens, not 64"):
        build_module(spec.at((4, 4)))
