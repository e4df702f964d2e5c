from __future__ import annotations

import pytest

from latency_bench.harness.cli.figures import counted, milliseconds, printable
from latency_bench.harness.number_text import (
    byte_size,
    decimals_for,
    interval,
    number_text,
    ratio_cells,
    ratio_words,
    scaled,
)


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [
        (252.4499, "252.4 ms"),
        (12345.6, "12346 ms"),
        (9.99951, "10.000 ms"),
        (1.0, "1.000 ms"),
        (0.0123456, "0.01235 ms"),
        (0.0000004, "0.000000 ms"),
        (0, "0.000 ms"),
    ],
)
def test_milliseconds_have_four_significant_digits(value_ms: float, text: str) -> None:
    assert milliseconds(value_ms) == text


def test_an_interval_has_its_numbers_decimals() -> None:
    assert interval(251.04, 253.96, decimals_for(252.4)) == "[251.0, 254.0]"
    assert interval(None, None, 1) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (18049.6, "18050"),
        (252.4499, "252.4"),
        (0.0123456, "0.01235"),
        (-0.0123456, "-0.01235"),
        (0.0000004, "4.000e-07"),
        (0.0, "0.000"),
        (3e9, "3000000000"),
    ],
)
def test_numbers_have_a_point_and_no_power_of_ten_where_that_can_be(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "0.977 KiB"), (5159, "5.04 KiB"), (812_000_000, "774 MiB"), (2**31, "2 GiB")],
)
def test_byte_sizes(size_bytes: int, text: str) -> None:
    assert byte_size(size_bytes) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (4_817_235, "4.82 M"), (27.4e9, "27.4 G"), (1.5e12, "1.5 T")]
)
def test_counts(count: float, text: str) -> None:
    assert scaled(count) == text


def test_plurals() -> None:
    assert (counted(1, "round"), counted(2, "round"), counted(0, "round")) == ("1 round", "2 rounds", "0 rounds")


def test_a_terminal_obeys_nothing_that_is_printable() -> None:
    assert printable("Ein Gerät\n\x1b[31m\x9bx\u202ey") == "Ein Gerät \ufffd[31m\ufffdx\ufffdy"


def test_a_small_ratio_keeps_three_digits_and_its_interval_the_same_decimals() -> None:
    assert ratio_words(0.012969, 0.012545, 0.013384) == "ratio 0.01297 (0.01255 to 0.01338)"
    assert ratio_words(1.01234, 0.998, 1.027) == "ratio 1.012 (0.998 to 1.027)"
    assert ratio_words(1.01234, 1.01211, 1.01257) == "ratio 1.01234 (1.01211 to 1.01257)"
    assert ratio_cells(1.01234, 1.0117, 1.0129) == ("1.01234", "[1.01170, 1.01290]")
    assert ratio_cells(2.05, None, None) == ("2.050", "")
    assert ratio_words(77.1049, None, None) == "ratio 77.105"
