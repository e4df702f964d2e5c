"""Blocks of data: whole, and never markup."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.reports.html.blocks import data_block

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def content_of(block: str) -> Any:
    match = re.fullmatch(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]+)</script>', block)
    assert match
    return json.loads(gzip.decompress(base64.b64decode(match[1])))


@given(JSON)
def test_any_content_comes_back_from_an_alphabet_without_markup(content: Any) -> None:
    assert content_of(data_block("data", content)) == content


def test_the_same_content_is_the_same_text() -> None:
    assert data_block("data", {"a": 1}) == data_block("data", {"a": 1})


def test_a_lone_surrogate_of_a_file_name_is_replaced() -> None:
    assert content_of(data_block("data", "a\udcffb")) == "a?b"


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_block("data", float("nan"))
