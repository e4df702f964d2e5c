"""Tables in every format, with texts that try to be markup."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rich.console import Console

from latency_bench.harness.store.errors import StoreError
from latency_bench.reports.evidence import Evidence, settings
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.tables.build import build_table
from latency_bench.reports.tables.formats import BY_ENDING, FORMATS, write_tables
from latency_bench.reports.tables.html import html
from latency_bench.reports.tables.markdown import markdown
from latency_bench.reports.tables.quantities import Measurements
from latency_bench.reports.tables.table import Table
from latency_bench.reports.tables.terminal import print_table
from latency_bench.reports.tables.text import one_line
from tests.reports.tables.hostile_tables import HOSTILE, hostile_table

Make = Callable[..., Any]


@pytest.fixture
def every_case(make_run: Make, table_of: Make) -> Table:
    """Table 3 with every kind of cell."""
    rows = [
        make_run("segformer-b1", [100.0, 101.0, 102.0, 99.0, 98.0]),
        make_run("b1-seg", [20.0, 20.2, 20.1, 19.9, 19.8]),
        make_run("b0-seg", [3.0], status="unstable"),
        make_run("segnext-t", [70.0, 71.0, 72.0], throttled="yes"),
        make_run("segformer-b5", failure=HOSTILE.replace("\ud800", "")),
        make_run("b2-seg", [40.0, 41.0, 42.0], runtime="torch", runtime_options='{"mode": "<b>&\\\\$_"}'),
    ]
    runs = table_of(*rows)
    return build_table(
        default_paper().table("3"), Measurements(Evidence(runs), tuple(settings(runs)), same_as={"local": "orin"})
    )


_ALIGNMENTS = ("text-align:left", "text-align:right")
"""What a renderer of Markdown makes of the columns' alignment."""


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)
        assert all(value in _ALIGNMENTS for name, value in attrs if name == "style")
        assert {name for name, _ in attrs} <= {"class", "id", "colspan", "scope", "title", "href", "style"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def html_tags(text: str) -> _Tags:
    parser = _Tags()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


_TAGS = {"figure", "table", "caption", "thead", "tbody", "tr", "th", "td", "bdi", "sup", "a", "ul", "li", "p"}
_TAGS |= {"pre", "code", "strong"}


def test_html_has_our_tags_alone(every_case: Table) -> None:
    for table in (every_case, hostile_table(HOSTILE)):
        assert html_tags(html(table)).seen <= _TAGS


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=60, deadline=None)
def test_html_shows_any_text_as_text(text: str) -> None:
    parser = html_tags(html(hostile_table(text)))
    assert parser.seen <= _TAGS
    shown = one_line(text)
    assert shown in parser.text or not shown.strip()


def rendered(text: str) -> _Tags:
    """As a reader of CommonMark with tables sees it; HTML in it would stay HTML."""
    from markdown_it import MarkdownIt

    return html_tags(MarkdownIt("commonmark").enable("table").render(text))


_MARKDOWN_TAGS = {"h3", "strong", "table", "thead", "tbody", "tr", "th", "td", "sup", "ul", "li", "p", "pre", "code"}


def test_markdown_shows_all_cells(every_case: Table) -> None:
    parser = rendered(markdown(every_case))
    assert parser.seen <= _MARKDOWN_TAGS
    assert "20.00 [19.80, 20.20]" in parser.text
    assert one_line(every_case.remarks[-1]) in "".join(parser.text)


@pytest.mark.parametrize(
    "text", [HOSTILE, "a|b", "&amp; &lt;b&gt; &#91;", "\\|", "1. one", "- one", "# one", "    code"]
)
def test_markdown_of_hostile_text(text: str) -> None:
    assert one_line(text) in rendered(markdown(hostile_table(text))).text


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=100, deadline=None)
def test_markdown_shows_any_text_as_text(text: str) -> None:
    parser = rendered(markdown(hostile_table(text)))
    assert parser.seen <= _MARKDOWN_TAGS
    shown = "".join(parser.text)
    assert shown.count(one_line(text)) >= 2 or not one_line(text).strip()


def test_markdown_says_what_each_letter_stands_for(every_case: Table) -> None:
    written = markdown(every_case)
    assert "- A: local: litert fp32, 2 threads" in written
    assert "- B: local: torch fp32, 2 threads, mode=&lt;b&gt;&amp;" in written
    assert "\n    bench run --device local --runtime litert --threads 2 --model" in written


def test_csv_has_the_numbers_and_where_they_are_from(every_case: Table) -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](every_case))))
    row = next(one for one in rows if one["model"] == "EfficientViT-B1" and one["runtime"] == "litert")
    assert float(row["latency_ms"]) == pytest.approx(20.0)
    assert float(row["latency_ms_low"]) == pytest.approx(19.8)
    assert float(row["latency_to_published"]) == pytest.approx(20.0 / 24.3)
    assert row["latency_ms_runs"].startswith("local/b1-seg/")
    assert (row["device"], row["threads"], row["published_miou"]) == ("local", "2", "80.5")
    missing = next(one for one in rows if one["model"] == "SegNeXt-L" and one["runtime"] == "litert")
    assert (missing["latency_ms"], missing["latency_ms_status"]) == ("", "not measured")
    assert missing["latency_ms_command"].endswith("--model segnext-l")


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=60, deadline=None)
def test_csv_is_no_formula_and_keeps_its_columns(text: str) -> None:
    rows = list(csv.reader(io.StringIO(FORMATS["csv"](hostile_table(text)))))
    assert len({len(row) for row in rows}) == 1
    assert not [value for value in rows[1] if value.startswith(("=", "+", "-", "@"))]


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=30, deadline=None)
def test_json_is_json(text: str) -> None:
    (record,) = json.loads(FORMATS["json"](hostile_table(text)))
    assert record["latency_ms"] == 1.5


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_terminal_gets_no_control_characters(text: str) -> None:
    out = io.StringIO()
    for terminal in (False, True):
        print_table(hostile_table(text), Console(file=out, width=100, force_terminal=terminal, color_system=None))
    assert all(letter.isprintable() or letter == "\n" for letter in out.getvalue())


@pytest.mark.parametrize("width", [60, 100, 140, 250])
def test_numbers_are_not_broken_on_a_terminal(every_case: Table, width: int) -> None:
    out = io.StringIO()
    print_table(every_case, Console(file=out, width=width, force_terminal=True, color_system=None))
    assert "20.00 [19.80, 20.20]" in out.getvalue()


def test_columns_of_numbers_have_numbers_alone_in_csv_and_json(every_case: Table) -> None:
    for row in json.loads(FORMATS["json"](every_case)):
        for column in every_case.blocks[1].columns:
            assert row[column.key] is None or isinstance(row[column.key], float), column
    for row in csv.DictReader(io.StringIO(FORMATS["csv"](every_case))):
        for column in every_case.blocks[1].columns:
            assert row[column.key] == "" or float(row[column.key]), column


@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_terminal_has_every_cell_whatever_its_width(every_case: Table, width: int) -> None:
    out = io.StringIO()
    print_table(every_case, Console(file=out, width=width, force_terminal=True, color_system=None))
    lines = out.getvalue().splitlines()
    text = "".join(out.getvalue().split())
    assert all(len(line) <= width for line in lines if not line.startswith("  bench run"))
    for row in every_case.rows:
        for cell in row:
            assert "".join(cell.text.split()) in text


def test_written_files_are_whole_and_list_their_sources(every_case: Table, tmp_path: Path) -> None:
    written = write_tables([every_case], tmp_path / "a" / "b", list(FORMATS))
    assert {path.name for path in written} == {f"table3.{name}" for name in BY_ENDING} | {
        "table3.siunitx.tex",
        "sources.csv",
    }
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == sorted(path.name for path in written)
    sources = list(csv.DictReader(io.StringIO((tmp_path / "a" / "b" / "sources.csv").read_text())))
    of_b1 = [row for row in sources if row["row"] == "EfficientViT-B1"]
    assert {row["column"] for row in of_b1} == {"latency_ms", "latency_to_published", "speedup"}
    assert len([row for row in of_b1 if row["column"] == "speedup"]) == 2


def test_a_folder_that_cannot_be_written_is_an_error_of_the_request(every_case: Table, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="choose another place with --to"):
        write_tables([every_case], tmp_path / "file", ["md"])
