"""What readers do in the page: choose columns, follow a number to its run, compare two runs, print, read without
scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latency_bench.harness.cli.report_source import Source
from latency_bench.harness.statistics.comparison import compare
from latency_bench.harness.store.row_selection import Selection
from latency_bench.reports.html.assets import static_text
from latency_bench.reports.html.page import Section, address_of, write_html
from latency_bench.reports.html.site import write_site
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.tables.html import html

from .conftest import MADE_AT, Open, a_run
from .test_in_chromium import VIEWS

FITS = (
    "[...document.querySelectorAll('#view-tables .scroll')].filter((one) => one.scrollWidth > one.clientWidth).length"
)


@pytest.fixture(scope="module")
def one_setting(store: Path, runs: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one way of measuring, as most people have it."""
    source = Source(store, Selection(device=["desk"], runtime=["litert"]))
    source.runs = runs
    tables = [
        Section(table.heading, html(table, address_of))
        for table in source.tables(default_paper().tables[1:4], claims=False)
    ]
    path = tmp_path_factory.mktemp("one") / "report.html"
    write_html(source.selection.of(runs), store, path, tables=tables, made_at=MADE_AT)
    return path


def test_tables_of_one_setting_fit_a_usual_window(opened: Open, one_setting: Path) -> None:
    page = opened(one_setting, width=1440).go("#/tables")
    assert page.evaluate(FITS) == 0


def test_columns_are_chosen_and_the_address_keeps_it(opened: Open, one_setting: Path) -> None:
    window = opened(one_setting, width=1440)
    page = window.go("#/tables")
    table = page.locator("#table3")
    heads = table.locator("thead tr:nth-child(2) th:visible")
    before = heads.all_inner_texts()
    page.locator(".chooser", has=page.locator("summary")).nth(1).locator("summary").click()
    page.get_by_label("published: mIoU", exact=False).locator("visible=true").first.uncheck()
    assert len(heads.all_inner_texts()) == len(before) - 1
    assert "hide=table3." in page.url
    page.reload()
    window.ready()
    assert len(heads.all_inner_texts()) == len(before) - 1
    widths = table.evaluate(
        "(figure) => [...figure.querySelectorAll('tr')].map((row) => [...row.cells].filter((cell) => !cell.hidden)"
        ".reduce((sum, cell) => sum + cell.colSpan, 0))"
    )
    assert len(set(widths)) == 1, "headings stand over their columns"


def test_a_number_leads_to_its_run_in_one_click(opened: Open, one_setting: Path) -> None:
    page = opened(one_setting, width=1440).go("#/tables")
    link = page.locator("#table3 td.done a").first
    target = str(link.get_attribute("href"))
    assert re.fullmatch(r"#/run/.+", target)
    link.click()
    page.wait_for_selector("#view-run pre")
    text = page.locator("#view-run").inner_text()
    for word in ("Command", "SHA-256", "Environment", "Rounds"):
        assert word in text


def test_two_runs_are_chosen_and_compared(opened: Open, runs: pd.DataFrame) -> None:
    one = a_run(runs, status="done", model="b1-seg", device="desk", runtime="litert")
    other = a_run(runs, status="done", model="b2-seg", device="desk", runtime="litert")
    window = opened()
    page = window.go(f"#/runs?q={one['run_id'].rpartition('-')[0]}")
    page.get_by_label(f"run {one['run_id']}", exact=False).check()
    page.get_by_label("Search").fill(other["run_id"])
    page.get_by_label(f"run {other['run_id']}", exact=False).check()
    page.get_by_role("link", name="Compare the two chosen runs").click()
    page.wait_for_selector("#view-compare .headline, #view-compare .chip")
    text = page.locator("#view-compare").inner_text()
    found = compare(*[[np.array([median]) for median in run["round_medians_ms"]] for run in (one, other)])
    assert f"B / A {found.ratio:.3f}" in text
    assert "Compared across model" in text
    assert "What differs" in text
    device = a_run(runs, status="done", model="b2-seg", device="orin")
    page = window.go(f"#/compare/{one['run_id']}/{device['run_id']}")
    assert "not comparable" in page.locator("#view-compare").inner_text()
    page = window.go("#/compare/none/such")
    assert "no two such runs" in page.locator("#view-compare").inner_text()
    assert window.complaints == []


def test_ratios_of_the_page_are_those_of_bench_compare(opened: Open) -> None:
    page = opened().go("#/")
    random = np.random.default_rng(0)
    for n, m in ((1, 1), (3, 3), (4, 4), (5, 9), (12, 7), (25, 30)):
        a, b = random.lognormal(0, 0.1, n), random.lognormal(0.1, 0.1, m)
        found = compare([np.array([one]) for one in a], [np.array([one]) for one in b])
        shown = page.evaluate(
            f"([a, b]) => {{ {static_text('js/ratio.js')} return ratioOf(a, b); }}", [a.tolist(), b.tolist()]
        )
        assert shown["ratio"] == pytest.approx(found.ratio)
        for end in ("low", "high"):
            expected = getattr(found, end)
            assert (shown[end] is None) == (expected is None), (n, m)
            assert expected is None or shown[end] == pytest.approx(expected, rel=0.01 if n * m > 400 else 1e-9)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_printed_tables_have_all_their_columns(opened: Open, one_setting: Path, theme: str) -> None:
    page = opened(one_setting, theme=theme, width=1040).go("#/tables")
    page.emulate_media(media="print")
    paper_px = (11.7 - 0.8) * 96
    page.set_viewport_size({"width": int(paper_px), "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= paper_px + 1
    outside = page.evaluate(
        "(edge) => [...document.querySelectorAll('#view-tables th, #view-tables td')]"
        ".filter((cell) => cell.getBoundingClientRect().right > edge + 1).length",
        paper_px,
    )
    assert outside == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_printed_figures_are_as_wide_as_the_paper(opened: Open) -> None:
    page = opened(width=1440).go("#/overview")
    page.wait_for_selector("canvas")
    page.emulate_media(media="print")
    # Nothing is drawn again for the printer, so what counts is the layout before any script hears of the width.
    edges = page.evaluate(
        "() => { document.body.style.width = '600px';"
        " const drawn = [...document.querySelectorAll('#view-overview canvas')];"
        " return drawn.map((canvas) => canvas.getBoundingClientRect().right); }"
    )
    assert edges
    assert max(edges) <= 600


def test_without_scripts_every_case_has_its_latest_number(opened: Open, runs: pd.DataFrame) -> None:
    window = opened(scripts=False)
    window.page.goto(window.path.as_uri())
    text = window.page.locator("#view-runs").inner_text()
    shown: Callable[[str], bool] = text.__contains__
    assert all(shown(model) for model in runs[runs["median_ms"].notna()]["model"].unique())
    assert not window.page.locator("#view-compare").is_visible()


def test_details_that_one_page_has_no_room_for_are_in_pages_beside_it(
    opened: Open, runs: pd.DataFrame, store: Path, tmp_path: Path
) -> None:
    some = runs.head(5).reset_index(drop=True)
    written = write_site(some, store, tmp_path / "index.html", most_details=2, made_at=MADE_AT)
    assert [path.name for path in written] == ["index.html", "details-1.html", "details-2.html"]
    window = opened(tmp_path / "index.html")
    for run_id in some["run_id"]:
        text = window.go(f"#/run/{run_id}").locator("#view-run").inner_text()
        if "in a page beside this one" in text:
            window.page.get_by_role("link", name="Distribution, telemetry and environment of this run").click()
            window.page.wait_for_url("**/details-*.html#/run/*")
            window.ready()
            text = window.page.locator("#view-run").inner_text()
        assert "Environment" in text, run_id
    assert window.complaints == []


RUN, COMPARISON = "#/run/{}", "#/compare/{}/{}"
"""Views of the first runs that are done."""


@pytest.mark.parametrize(
    "views", [("#/", RUN), pytest.param((*VIEWS, COMPARISON), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_axe_finds_nothing_in_any_view(opened: Open, runs: pd.DataFrame, views: tuple[str, ...]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    done = runs[runs["status"] == "done"]["run_id"].tolist()
    window = opened()
    for view in (view.format(*done) for view in views):
        results = Axe().run(window.go(view))
        assert results.violations_count == 0, f"{view}\n{results.generate_report()}"


def test_the_overview_says_how_far_numbers_go(opened: Open, runs: pd.DataFrame) -> None:
    text = opened().go("#/").locator("#view-overview").inner_text()
    assert "How far these numbers go" in text
    assert "have an interval" in text
