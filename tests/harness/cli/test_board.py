"""`bench board`: several stores, one static site."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Bench

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<script>alert(1)"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, load_script: Callable[[str], ModuleType]) -> Path:
    place = tmp_path_factory.mktemp("board")
    script = load_script("benchmarks/example_store.py")
    script.make_store(place / "one", 40, samples=20, hostile=True)
    script.make_store(place / "two", 60, samples=20, seed=1)
    return place


def test_every_number_has_its_lab_machine_file_and_run(bench: Bench, stores: Path, tmp_path: Path) -> None:
    done = bench("board", f"edge={stores / 'one'}", f"vision={stores / 'two'}", "--to", "site", "--title", "Our board")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    site = tmp_path / "site"
    assert {Path(line) for line in done.stdout.split()} == {
        path.relative_to(tmp_path) for path in site.rglob("*") if path.is_file()
    }
    page = (site / "index.html").read_text()
    with (site / "board.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["lab"] for row in rows} == {"edge", "vision"}
    assert len(rows) == len(json.loads((site / "board.json").read_text())) == page.count('<tr><th scope="row">')
    assert all(float(row["median_ms"]) > 0 and row["run_id"] and row["setting"] and row["n"] for row in rows)
    for link, run_id in re.findall(r'href="(labs/[^"#]+)#/run/([^"]+)"', page):
        assert run_id in {row["run_id"] for row in rows}
        assert (site / link).is_file()
    assert HOSTILE not in page
    assert str(stores) not in page, "where stores lie is nobody's business"


def test_the_page_works_from_a_disk(browser: Browser, bench: Bench, stores: Path, tmp_path: Path) -> None:
    assert bench("board", f"edge={stores / 'one'}", "--to", "site").returncode == 0
    complaints: list[str] = []
    with browser.new_context(offline=True, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "site" / "index.html").as_uri())
        before = page.locator("#board tbody tr:visible").count()
        page.get_by_label("Search").fill("segnext")
        assert 0 < page.locator("#board tbody tr:visible").count() < before
        page.locator("#board tbody tr:visible a").first.click()
        page.wait_for_selector("#view-run pre")
        assert "labs/edge/index.html" in page.url
    assert complaints == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Missing argument"),
        (("results",), "does not name a lab; write LAB=STORE"),
        (("../up=results",), "cannot be a lab's name"),
        (("a=x", "a=y"), "named twice"),
        (("a=x",), "x: there is no such folder"),
    ],
)
def test_a_wrong_request_is_told(bench: Bench, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = bench("board", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "site").exists()
