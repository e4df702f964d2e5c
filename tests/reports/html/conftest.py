"""A store with every case, the page made of it, and the Chromium that opens it: each made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from latency_bench.harness.cli.report_source import Source
from latency_bench.harness.store.listing import load_runs
from latency_bench.reports.html import Section, write_html
from latency_bench.reports.html.page import address_of
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.tables.html import html

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MADE_AT = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
RUNS = 200


@pytest.fixture(scope="session")
def example_store(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """What makes stores of made-up runs."""
    return load_script("benchmarks/example_store.py")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, example_store: ModuleType) -> Path:
    """200 runs, every third with hostile texts."""
    place = tmp_path_factory.mktemp("html") / "store"
    example_store.make_store(place, RUNS, samples=30, hostile=True)
    return place


@pytest.fixture(scope="session")
def runs(store: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return load_runs(store)


@pytest.fixture(scope="session")
def report(store: Path, runs: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the store, complete, with the tables that `bench report` puts into it. Claims count models, which
    takes long: the last table stands in for them."""
    source = Source(store)
    source.runs = runs
    made = source.tables(default_paper().tables, claims=False)
    *tables, last = [Section(table.heading, html(table, address_of)) for table in made]
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(runs, store, path, tables=tables, claims=[last], made_at=MADE_AT)
    return path


@dataclass
class Opened:
    """A page in Chromium, and what went wrong in it."""

    page: Page
    path: Path
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        """Show the view of an address such as `#/runs`, and wait until it is complete."""
        self.page.goto(f"{self.path.as_uri()}{address}")
        return self.ready()

    def ready(self) -> Page:
        self.page.wait_for_selector("html[data-ready]", state="attached")
        return self.page


Open = Callable[..., Opened]


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Open]:
    """opened(theme="dark", width=320): the report in a window of its own, without a network."""
    contexts = []

    def open_page(path: Path = report, theme: str = "light", width: int = 1280, scripts: bool = True) -> Opened:
        context = browser.new_context(
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 800},
            offline=True,
            java_script_enabled=scripts,
        )
        contexts.append(context)
        window = Opened(context.new_page(), path)
        window.page.set_default_timeout(60_000)
        window.page.on("console", lambda message: window.complaints.append(f"{message.type}: {message.text}"))
        window.page.on("pageerror", lambda error: window.complaints.append(f"error: {error}"))
        window.page.on("dialog", lambda dialog: (window.complaints.append("a dialog"), dialog.dismiss()))
        window.page.on("request", lambda request: window.requests.append(request.url))
        return window

    yield open_page
    for context in contexts:
        context.close()


def a_run(runs: pd.DataFrame, **wanted: object) -> pd.Series:
    """The first run that has these values."""
    for name, value in wanted.items():
        runs = runs[runs[name] == value]
    return runs.iloc[0]
