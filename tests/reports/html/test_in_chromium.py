"""The whole page as its readers have it: in a browser, without a network."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from latency_bench.reports.html import write_html

from .conftest import MADE_AT, RUNS, Open, Opened, a_run

VIEWS = (
    *("#/", "#/tables", "#/claims", "#/runs", "#/runs?columns=peak_rss_bytes,round_samples"),
    *("#/plots/accuracy", "#/plots/latency", "#/plots/scatter", "#/plots/phases"),
    *("#/plots/history", "#/plots/attention"),
)
ROWS = "#runs-table tbody tr"
HOSTILE = "</script><script>alert(1)</script>"

# Contrast as WCAG 2.2 defines it (1.4.3), of every text that is shown against the nearest background that is painted.
LOW_CONTRAST = """() => {
  const channels = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const back = channels(getComputedStyle(at).backgroundColor);
      if (back.length === 3 || back[3] === 1) return back;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !one.checkVisibility() || one.closest("script, style, :disabled")) continue;
    const [a, b] = [light(channels(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)}: ${walker.currentNode.data}`);
  }
  return found;
}"""

UNNAMED = """() => {
  const named = (one) => one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length;
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return [
    ...shown("a, button, input, select, summary, [role=region], [role=img], nav").filter((one) => !named(one)),
    ...shown("table").filter((one) => !one.caption?.textContent.trim()),
  ].map((one) => one.outerHTML.slice(0, 200)).concat(ids.filter((id, at) => ids.indexOf(id) !== at));
}"""


@pytest.mark.parametrize(
    ("theme", "width"),
    [
        *(("light", 1280), ("dark", 320)),
        *(pytest.param(*window, marks=pytest.mark.slow) for window in (("dark", 1280), ("light", 320))),
    ],
)
def test_every_view_has_no_error_no_request_and_fits(opened: Open, runs: pd.DataFrame, theme: str, width: int) -> None:
    run_views = [f"#/run/{a_run(runs, status=status)['run_id']}" for status in ("done", "unstable", "failed")]
    window = opened(theme=theme, width=width)
    for address in (*VIEWS, *run_views):
        page = window.go(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert page.evaluate(LOW_CONTRAST) == [], address
        assert page.evaluate(UNNAMED) == [], address
        shown = page.evaluate("[...document.querySelectorAll('h1')].filter((h) => h.checkVisibility()).length")
        assert shown == 1, address
    assert window.complaints == []
    assert {url.split("#")[0] for url in window.requests if not url.startswith("data:,")} == {window.path.as_uri()}


def test_the_keyboard_alone_goes_from_the_first_view_to_a_run_and_back(opened: Open) -> None:
    window = opened()
    page = window.go("#/")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.goto(f"{window.path.as_uri()}#/runs?q=b2-seg")
    window.ready()
    page.get_by_label("Search").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#runs-table tbody a')"):
            break
    wanted = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#view-run pre")
    assert page.url.endswith(wanted)
    assert page.evaluate("document.activeElement.id") == "title-run"
    page.go_back()
    page.wait_for_selector("#runs-table")
    assert page.get_by_label("Search").input_value() == "b2-seg"


def test_a_footnote_of_a_table_is_found_in_its_view(opened: Open) -> None:
    window = opened()
    page = window.go("#/tables")

    note = page.locator("#view-tables sup a").first
    target = str(note.get_attribute("href"))
    note.click()

    assert page.url.endswith(target)
    assert page.locator("#view-tables").is_visible()
    page.reload()
    window.ready()
    assert page.locator(target).is_visible()


def test_focus_is_visible_everywhere(opened: Open) -> None:
    page = opened().go("#/runs")

    for _ in range(25):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")


def test_hostile_names_are_shown_as_they_are(opened: Open, runs: pd.DataFrame) -> None:
    row = runs[runs["title"].str.contains("alert") & (runs["status"] == "done")].iloc[0]
    window = opened()

    page = window.go(f"#/run/{row['run_id']}")

    assert HOSTILE in page.locator("#title-run").inner_text()
    assert HOSTILE in page.locator("#view-run pre").inner_text()
    assert page.locator("main script, main img").count() == 0
    window.go(f"#/runs?q={HOSTILE}")
    page.get_by_label("Search").fill("alert(1)")
    assert page.locator(ROWS).count() > 0
    window.go("#/run/%3Cimg%20src=x%20onerror=alert(3)%3E")
    assert "<img src=x onerror=alert(3)>" in page.locator("#view-run").inner_text()
    window.go("#/__proto__/%E0%A4%A")
    assert page.locator("#view-overview").is_visible()
    assert window.complaints == []


def reload_until(window: Opened, holds: Callable[[], bool]) -> None:
    """Load the page anew until what it should remember is there. Chromium keeps local storage in another process, and
    where the computer is busy a page that is loaded at once may still read what was there before."""
    end = time.monotonic() + 120
    while True:
        window.page.reload()
        window.ready()
        if holds():
            return
        assert time.monotonic() < end, "the page does not remember what was chosen"


def test_the_theme_is_chosen_and_kept(opened: Open) -> None:
    window = opened(theme="light")
    page = window.go("#/")
    back = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(back)

    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(back)
    assert dark != light
    reload_until(window, lambda: page.evaluate(back) == dark)
    page.get_by_label("Theme").select_option("light")
    assert page.evaluate(back) == light
    assert opened(theme="dark").go("#/").evaluate(back) == dark


def test_details_that_are_left_out_are_told(opened: Open, runs: pd.DataFrame, store: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.html"
    write_html(runs, store, path, most_details=3, made_at=MADE_AT)
    row = runs.iloc[-1]
    window = opened(path)

    text = window.go(f"#/run/{row['run_id']}").locator("#view-run").inner_text()

    assert "are left out of this page" in text
    assert row["path"] in text
    assert f"3 of {RUNS} runs carry" in window.go("#/").locator("#view-overview").inner_text()


def test_without_scripts_the_overview_and_the_tables_are_there(opened: Open) -> None:
    window = opened(scripts=False)
    window.page.goto(window.path.as_uri())

    text = window.page.locator("main").inner_text()
    assert "Without scripts this page shows its overview and tables" in text
    assert "Latest numbers" in text
    assert "Table 3." in text


def test_a_cut_off_file_says_so(opened: Open, report: Path, tmp_path: Path) -> None:
    whole = report.read_text(encoding="utf-8")
    block = re.search(r'id="data">([^<]+)<', whole)
    assert block
    data = json.loads(gzip.decompress(base64.b64decode(block[1])))
    assert data["count"] == RUNS
    cut = tmp_path / "cut.html"
    cut.write_text(whole.replace(block[1], block[1][: len(block[1]) // 8 * 4]), encoding="utf-8")
    window = opened(cut)

    window.page.goto(cut.as_uri())

    window.page.wait_for_selector("#problem:not([hidden])")
    assert "The file may be incomplete" in window.page.locator("#problem").inner_text()


def test_an_empty_store_has_views_that_say_so(opened: Open, runs: pd.DataFrame, store: Path, tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    write_html(runs.head(0), store, path)
    window = opened(path)

    for view in VIEWS:
        text = window.go(view).locator("main").inner_text()
        assert "No run" in text or "0 of 0 runs" in text or "0 cases" in text, view
    assert window.complaints == []
