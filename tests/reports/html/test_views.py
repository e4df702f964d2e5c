"""What the views show, in a browser: the table of runs, a run, the plots."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from latency_bench.harness.store.reader import read_record
from latency_bench.reports.html.page import write_html

from .conftest import RUNS, Open, a_run

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ROWS = "#runs-table tbody tr"
PAINTED = """() => [...document.querySelectorAll("#plots canvas")].map(
  (one) => one.getContext("2d").getImageData(0, 0, one.width, one.height).data.some(Boolean))"""
WIDTHS = "[...document.querySelectorAll('.bars rect')].map((one) => Number.parseFloat(one.getAttribute('width')))"


def test_one_page_of_the_table_is_drawn_and_the_others_are_a_key_away(opened: Open) -> None:
    page = opened().go("#/runs")

    assert page.locator(ROWS).count() == 50
    first = page.locator(ROWS).first.inner_text()
    page.locator("#page-next").focus()
    page.keyboard.press("Enter")
    assert page.locator("[role=status]").first.inner_text() == f"{RUNS} of {RUNS} runs, page 2 of {RUNS // 50}"
    assert page.locator(ROWS).first.inner_text() != first
    assert page.evaluate("document.activeElement.id") == "page-next"


def test_sorting_by_a_heading(opened: Open, runs: pd.DataFrame) -> None:
    page = opened().go("#/runs")

    page.locator("#sort-median_ms").focus()
    page.keyboard.press("Enter")
    assert column(page, "median_ms").get_attribute("aria-sort") == "ascending"
    quickest = runs.sort_values("median_ms")["run_id"].iloc[0]
    assert page.locator(f"{ROWS} a").first.get_attribute("href") == f"#/run/{quickest}"
    assert page.evaluate("document.activeElement.id") == "sort-median_ms"
    page.keyboard.press("Enter")
    assert column(page, "median_ms").get_attribute("aria-sort") == "descending"
    slowest = runs.sort_values("median_ms", ascending=False)["run_id"].iloc[0]
    assert page.locator(f"{ROWS} a").first.get_attribute("href") == f"#/run/{slowest}"
    page.locator("#page-last").click()
    assert "too-large" in page.locator(ROWS).last.inner_text()
    assert column(page, "case").get_attribute("aria-sort") is None


def column(page: Page, name: str) -> Locator:
    return page.locator(f"th:has(#sort-{name})")


def test_any_column_can_be_added_and_sorted_by_and_stays_in_the_address(opened: Open, runs: pd.DataFrame) -> None:
    window = opened()
    page = window.go("#/runs")

    page.get_by_text("More columns").click()
    page.get_by_label("file size").check()
    page.reload()
    window.ready()
    assert page.get_by_label("file size").is_checked()
    page.locator("#sort-artifact_bytes").click()
    page.locator("#sort-artifact_bytes").click()
    largest = runs["artifact_bytes"].max() / 2**20
    first = page.locator(ROWS).first.inner_text()
    assert f"{largest:.4g} MiB" in first
    assert re.search(r"\d+ × \d+", first)
    page.get_by_label("file size").uncheck()
    assert page.locator("#sort-artifact_bytes").count() == 0


def test_any_two_numbers_are_axes(opened: Open, runs: pd.DataFrame) -> None:
    page = opened().go("#/plots/scatter")

    page.get_by_label("Across").select_option("artifact_bytes")
    page.get_by_label("Upwards").select_option("peak_rss_bytes")
    assert "x=artifact_bytes&y=peak_rss_bytes" in page.url
    assert page.locator("#plots figcaption").inner_text() == "Peak memory against file size"
    page.locator("#plots details summary", has_text="Numbers of this figure").click()
    page.locator("#plots details tbody tr").first.wait_for()
    assert page.locator("#plots details tbody tr").count() == int(
        re.search(r"\d+", page.locator("#plots [role=status]").inner_text())[0]  # type: ignore[index]
    )


def test_filters_narrow_the_table_and_stay_in_the_address(opened: Open, runs: pd.DataFrame) -> None:
    window = opened()
    page = window.go("#/runs")

    page.get_by_label("Search").fill("b1-seg DESK")
    page.get_by_label("Status").select_option("done")
    expected = runs[(runs["model"].str.contains("b1-seg")) & (runs["device"] == "desk") & (runs["status"] == "done")]
    assert 0 < len(expected) < 50
    assert page.locator(ROWS).count() == len(expected)
    assert "q=b1-seg+DESK" in page.url
    page.reload()
    window.ready()
    assert page.locator(ROWS).count() == len(expected)
    assert page.get_by_label("Search").input_value() == "b1-seg DESK"
    page.get_by_label("latest of each case only").check()
    assert page.locator(ROWS).count() == expected.drop_duplicates(["model", "runtime", "threads"]).shape[0]


def test_a_run_shows_what_its_record_says(opened: Open, runs: pd.DataFrame, store: Path) -> None:
    row = a_run(runs[runs["h2d_ms"].notna() & (runs["rounds"] == 3)], status="unstable")
    record = read_record(store / row["path"])
    assert record.summary is not None

    page = opened().go(f"#/run/{row['run_id']}")

    text = page.locator("#view-run").inner_text()
    assert page.locator("#title-run").inner_text() == " ".join(record.model.title.split())
    latency = record.summary.latency
    assert page.locator(".headline").inner_text().startswith(f"{latency.median_ms:,.4g} ms [{latency.low_ms:,.4g}")
    assert page.locator("#view-run pre").inner_text() == row["command"]
    for flag in record.flags:
        assert flag.text in text
    for name, one in record.files.items():
        assert name in text
        assert one.sha256 in text
    assert f"{record.summary.phases['compute'].median_ms:,.4g} [" in text
    assert "needs 542 more samples" in text
    page.get_by_text("Device, as its probes found it").click()
    assert "governor: performance" in page.locator("#view-run").inner_text()


def test_a_failed_run_says_why_and_what_to_do(opened: Open, runs: pd.DataFrame) -> None:
    row = a_run(runs, status="failed")

    text = opened().go(f"#/run/{row['run_id']}").locator("#view-run").inner_text()

    assert "the model needs 12.4 GB" in text
    assert "Try a smaller --resolution." in text


@pytest.mark.parametrize("view", ["#/plots/accuracy", "#/plots/history", "#/plots/attention"])
def test_a_chart_is_painted_and_its_numbers_are_those_of_the_runs(opened: Open, runs: pd.DataFrame, view: str) -> None:
    page = opened().go(view)

    page.wait_for_selector("#plots canvas")
    page.wait_for_timeout(200)
    assert page.evaluate(PAINTED) == [True]
    page.locator("#plots summary").click()
    medians = {row["run_id"]: row["median_ms"] for row in runs.to_dict("records")}
    rows = page.locator("#plots details tbody tr")
    assert rows.count() > 1
    for place in range(rows.count()):
        run_id = str(rows.nth(place).locator("a").get_attribute("href")).removeprefix("#/run/")
        cells = rows.nth(place).locator("td").all_inner_texts()
        assert f"{medians[run_id]:,.4g}" in cells[:2]


def test_pointing_at_a_point_tells_it_and_a_click_opens_its_run(opened: Open, runs: pd.DataFrame) -> None:
    window = opened()
    page = window.go("#/plots/history")
    over = page.locator("#plots .u-over")
    over.wait_for()
    box = over.bounding_box()
    assert box is not None
    tip = page.locator("#plots .tip")
    for step in range(2, 60):
        for height in range(5, 40):
            page.mouse.move(box["x"] + box["width"] * step / 60, box["y"] + box["height"] * height / 40)
            if tip.is_visible():
                break
        if tip.is_visible():
            break
    assert re.match(r"2026-\d\d-\d\d \d\d:\d\d UTC\n[\d.,]+ .*ms", tip.inner_text())
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("#view-run pre")
    assert page.url.split("/run/")[1] in set(runs["run_id"])


def test_a_history_names_where_its_level_changed_and_what_else_did(
    opened: Open, runs: pd.DataFrame, store: Path, tmp_path: Path
) -> None:
    one = runs[runs["status"] == "done"].iloc[[0]]
    table = pd.concat([one] * 40, ignore_index=True)
    table["run_id"] = [f"20261101T0000{second:02d}Z-{second:06x}" for second in reversed(range(40))]
    table["started_at"] = [pd.Timestamp("2026-11-01", tz="UTC") + pd.Timedelta(days=day) for day in reversed(range(40))]
    table["median_ms"] = [106 + day % 3 if day >= 20 else 100 + day % 3 for day in reversed(range(40))]
    table["low_ms"] = table["high_ms"] = table["median_ms"]
    page_file = tmp_path / "history.html"
    write_html(table, store, page_file, most_details=0)

    page = opened(page_file).go("#/plots/history")

    (item,) = page.locator("#plots .changes li").all_inner_texts()
    assert item.startswith("2026-11-21 00:00 UTC slower: 1.0")
    assert "No condition that is known changed there." in item
    assert "first at a new level" in page.locator("#plots .legend").inner_text()


def test_bars_have_one_scale(opened: Open, runs: pd.DataFrame) -> None:
    page = opened().go("#/plots/latency?device=desk")

    rows = page.locator(".bars tbody tr")
    widths = page.evaluate(WIDTHS)
    ids = [str(rows.nth(at).locator("a").get_attribute("href")).removeprefix("#/run/") for at in range(rows.count())]
    medians = runs.set_index("run_id").loc[ids, "median_ms"]
    assert len(ids) > 5
    assert medians.is_monotonic_increasing
    scale = widths[-1] / medians.iloc[-1]
    assert widths == [pytest.approx(median * scale, rel=1e-3, abs=2e-3) for median in medians]
