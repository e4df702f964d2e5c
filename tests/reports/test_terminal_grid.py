"""Nothing is cut off, whatever the terminal's width: what does not fit is wrapped, parted, or becomes lines."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from latency_bench.reports.terminal_grid import Heading, print_grid

HEADINGS = (
    Heading("run"),
    Heading("model name", wraps=True),
    Heading("latency, ms", right=True, group="desk: litert fp32"),
    Heading("interval", right=True, group="desk: litert fp32"),
    Heading("flags", wraps=True),
)
ROWS = (
    ("3f9a1c", "efficientvit-b1-cityscapes", "252.4", "[251.0, 253.9]", "drift, bimodal, unstable"),
    ("aaaaaa", "[export] [/a]", "-", "-", ""),
)


def printed(rows: Sequence[Sequence[Text | str]], width: int, terminal: bool = True, ends: Sequence[int] = ()) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, highlight=False, color_system=None)
    print_grid(console, HEADINGS, rows, ends)
    return out.getvalue()


def letters(text: str) -> str:
    return "".join(text.split())


@given(
    st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=30)] * len(HEADINGS)),
        max_size=4,
    ),
    st.integers(min_value=8, max_value=200),
    st.booleans(),
)
def test_every_letter_of_every_cell_is_printed_at_any_width(
    rows: list[tuple[str, ...]], width: int, terminal: bool
) -> None:
    text = printed(rows, width, terminal)
    for cell in (cell for row in rows for cell in row):
        for letter in set(cell):
            assert text.count(letter) >= sum(each.count(letter) for row in rows for each in row)
    if terminal:
        assert all(cell_len(line) <= width for line in text.splitlines())


def test_what_fits_is_one_table_and_markup_is_text() -> None:
    lines = printed(ROWS, 100).splitlines()
    assert lines[0].split() == ["desk:", "litert", "fp32"]
    assert len(lines) == 4
    assert "[export] [/a]" in lines[3]


def test_then_texts_are_wrapped_and_then_columns_parted_with_the_first_in_each_block() -> None:
    wrapped = printed(ROWS, 75)
    assert len([line for line in wrapped.splitlines() if line.startswith("3f9a1c")]) == 1
    assert "[251.0, 253.9]" in wrapped
    parted = printed(ROWS, 40)
    assert len([line for line in parted.splitlines() if line.startswith("3f9a1c")]) == 3
    assert "[251.0, 253.9]" in parted


def test_where_nothing_fits_a_row_becomes_lines() -> None:
    lines = printed(ROWS, 17).splitlines()
    assert "run: 3f9a1c" in lines
    assert "desk: litert fp32" in lines
    assert letters("interval: [251.0, 253.9]") in letters("\n".join(lines))


def test_into_a_pipe_goes_a_line_a_row_as_wide_as_it_is() -> None:
    long = ("x" * 300, *ROWS[0][1:])
    lines = printed([long, ROWS[1]], 20, terminal=False, ends=[0]).splitlines()
    assert len(lines) == 5
    assert lines[2].startswith("x" * 300 + "  efficientvit")
    assert set(lines[3]) == {"─"}
    columns = [match.start() for match in re.finditer("interval", lines[1])]
    assert columns == [lines[2].index("[251.0") + len("[251.0, 253.9]") - len("interval")]


def test_numbers_end_under_each_other() -> None:
    lines = printed(ROWS, 100).splitlines()
    assert lines[2].index("252.4") + len("252.4") == lines[3].index("-", lines[3].index("]") + 10) + 1


@pytest.mark.parametrize("width", [20, 60, 100])
def test_styles_of_cells_are_kept(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, highlight=False, color_system="standard")
    print_grid(console, HEADINGS, [(Text("done", "green"), *ROWS[0][1:])])
    assert "\x1b[32mdone" in out.getvalue()
