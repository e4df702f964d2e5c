"""The file itself: complete, closed to the world, and nothing in it that a run could have turned into markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.errors import StoreError
from latency_bench.harness.store.reader import BrokenRun
from latency_bench.reports.html import assets, write_html
from latency_bench.reports.html.blocks import csp_hash

from .conftest import MADE_AT, RUNS

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Elements(HTMLParser):
    """Every start tag, the code of scripts and styles, and the text that a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.code: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag in self.code:
            self.code[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in self.code:
            self.code[str(self.cdata_elem)][-1] += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def elements(report: Path) -> Elements:
    return Elements(report.read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_elsewhere(elements: Elements) -> None:
    for tag, attributes in elements.tags:
        assert not attributes.keys() & {"src", "srcset", "action", "poster", "data"}, tag
        assert (attributes.get("href") or "#").startswith(("#", "data:,")), attributes


def test_the_policy_allows_exactly_our_code(elements: Elements) -> None:
    (policy,) = [a["content"] for tag, a in elements.tags if (a.get("http-equiv") or "") == "Content-Security-Policy"]

    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    running = [code for code in elements.code["script"] if code in (assets.early_script(), assets.script())]
    assert len(running) == 2
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [csp_hash(code) for code in running]
    assert rules["style-src"].split() == [csp_hash(code) for code in elements.code["style"]]
    assert "unsafe" not in policy


def test_names_of_runs_are_text(elements: Elements) -> None:
    assert HOSTILE in elements.text
    types = [attributes.get("type") for tag, attributes in elements.tags if tag == "script"]
    assert types.count(None) == 2
    assert set(types) == {None, "text/plain"}
    for tag, attributes in elements.tags:
        assert tag != "img"
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_our_scripts_never_make_markup_of_text() -> None:
    code = assets.script()

    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in code, way


def test_the_overview_counts_what_is_there(elements: Elements, runs: pd.DataFrame) -> None:
    text = " ".join(elements.text.split())

    for status in ("done", "unstable", "failed"):
        assert f"{status}{(runs['status'] == status).sum():,}" in text
    assert f"{RUNS} runs from 2026-01-05" in text
    assert f"{RUNS} of {RUNS} runs carry their distribution" in text


def test_ready_made_parts_are_views(elements: Elements) -> None:
    ids = [attributes.get("id") for _, attributes in elements.tags]

    assert "view-tables" in ids
    assert "view-claims" in ids
    for number in range(1, 8):
        assert f"Table {number}." in elements.text


def test_the_same_runs_make_the_same_bytes(runs: pd.DataFrame, store: Path, tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        write_html(runs.head(40), store, tmp_path / name, made_at=MADE_AT)

    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    write_html(pd.DataFrame(columns=list(columns())), tmp_path / "none", tmp_path / "report.html")

    text = Elements((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "No run is stored yet: bench run --device local --model b1-seg makes one." in text


def test_runs_that_cannot_be_read_are_named_without_the_place_of_the_store(
    runs: pd.DataFrame, store: Path, tmp_path: Path
) -> None:
    folder = store / "desk" / "b1-seg" / "20260101T000000Z-abcdef"
    broken = [BrokenRun(folder, f"{folder}/record.json: the record is not JSON <b>.")]

    write_html(runs.head(2), store, tmp_path / "report.html", broken=broken)

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert str(store) not in page
    assert "desk/b1-seg/20260101T000000Z-abcdef: desk/b1-seg" in Elements(page).text


def test_a_page_that_cannot_be_written_leaves_the_old_one(runs: pd.DataFrame, store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*report\.html: .*; choose another place"):
        write_html(runs.head(1), store, tmp_path / "nowhere" / "report.html")

    old = tmp_path / "report.html"
    old.write_text("old")
    bad = runs.head(1).copy()
    bad["started_at"] = "no time"
    with pytest.raises(ValueError, match="no time"):
        write_html(bad, store, old)
    assert old.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_scripts_are_put_together_in_an_order_that_has_every_file() -> None:
    folder = Path(assets.__file__).parent / "static" / "js"

    assert sorted(assets.SCRIPTS) == sorted(path.stem for path in folder.glob("*.js"))


def test_the_licence_of_the_charts_is_shipped_and_named() -> None:
    folder = Path(assets.__file__).parent / "static" / "uplot"

    version = re.match(
        r"/\*! https://github.com/leeoniya/uPlot \(v([0-9.]+)\)", (folder / "uPlot.iife.min.js").read_text()
    )
    assert version
    assert "MIT" in (folder / "LICENSE").read_text()
