"""What the pages say is what the runs that ship with the project say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import Bench


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/results_pages.py")


@pytest.mark.slow
def test_pages_are_what_the_results_say(
    script: ModuleType, capsys: pytest.CaptureFixture[str], bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(*words: str) -> str:
        done = bench(*words, cwd=script.ROOT, env={"BENCH_STORE": None})
        assert done.returncode == 0, done.stderr
        return done.stdout

    monkeypatch.setattr(script, "bench", printed)
    assert script.main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_says_something_else_is_named(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(script, "pages", lambda: {page: "as measured\n"})
    monkeypatch.setattr(script, "draw", list)
    monkeypatch.setattr(script, "ROOT", tmp_path)
    assert script.main(["--check"]) == 1
    assert script.main([]) == 0
    assert script.main(["--check"]) == 0
    page.write_text("as wished for\n")
    assert script.main(["--check"]) == 1
    assert f"{page} is not what the results say" in capsys.readouterr().err


def test_only_what_stands_between_the_marks_is_replaced(script: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- here: begin -->\nold\n<!-- here: end -->\nafter\n")
    assert script._between_marks(page, "here", "new\n") == (
        "before\n<!-- here: begin -->\nnew\n<!-- here: end -->\nafter\n"
    )
    with pytest.raises(SystemExit, match="has no place between"):
        script._between_marks(page, "there", "new")
