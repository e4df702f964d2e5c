"""The one reader of numbers: what it takes, and that nothing else becomes a number or an exception."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from latency_bench.devices import numerals
from latency_bench.devices.strict_json import parse_json


@given(st.integers(-numerals.LARGEST, numerals.LARGEST))
def test_integers_of_64_bits_are_read(value):
    assert numerals.integer(f" {value}\n") == value
    assert numerals.count(str(value)) == (value if value >= 0 else None)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18))
def test_finite_numbers_are_read(value):
    assert numerals.number(repr(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "-inf",
        "Infinity",
        "1_000",
        "1e400",
        "9" * 100_000,
        "0x10",
        "1 2",
        "--1",
        "٣",
        "²",
        "1e",
        ".",
        "1e9999",
    ],
)
def test_what_is_no_plain_number_is_none(text):
    assert numerals.integer(text) is None
    assert numerals.number(text) is None


@given(st.text() | st.from_regex(r"[-+.0-9eE_x, ]*"))
@example("0-99999999999999")
@example("3-1")
def test_any_text_is_a_finite_number_or_none(text):
    value = numerals.number(text)
    assert value is None or math.isfinite(value)
    assert all(isinstance(cpu, int) for cpu in numerals.cpu_list(text) or ())
    assert (numerals.integer(text) or 0) <= numerals.LARGEST
    assert (numerals.hexadecimal(text) or 0) < 2**64


@pytest.mark.parametrize(("text", "cpus"), [("0-3\n", (0, 1, 2, 3)), ("7", (7,)), ("0,2-3", (0, 2, 3))])
def test_lists_of_processors(text, cpus):
    assert numerals.cpu_list(text) == cpus


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "1e400",
        "NaN",
        "[Infinity]",
        "9" * 20,
        str(2**63),
        '{"a": 1, "a": 2}',
        r'"\ud800"',
        "",
        "1" * 9000,
    ],
)
def test_json_that_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - one kind for whatever is wrong
        parse_json(text)


def test_values_that_are_not_finite_are_read_where_they_are_meant():
    assert parse_json("[NaN, -Infinity]", finite=False)[1] == -math.inf
