"""The page of runtimes is what they declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bench_worker.runtimes import runtime_class, runtime_names


@pytest.fixture(scope="module")
def page(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/runtimes_table.py")


def test_the_page_is_what_is_declared(page: ModuleType) -> None:
    assert page.main(["--check"]) == 0


def test_a_page_that_is_old_is_told(
    page: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "runtimes.md")
    assert page.main([]) == 0
    written = (tmp_path / "runtimes.md").read_text()
    (tmp_path / "runtimes.md").write_text(written.replace("`spin`", "`spun`"))
    assert page.main(["--check"]) == 1
    assert "run `python scripts/runtimes_table.py`" in capsys.readouterr().err


def test_every_option_of_every_runtime_has_its_line(page: ModuleType) -> None:
    text = page.page()
    for name in runtime_names():
        for option, declared in runtime_class(name).OPTIONS.items():
            assert f"| `worker` | `{name}` | `{option}` |" in text
            assert declared.help in text
