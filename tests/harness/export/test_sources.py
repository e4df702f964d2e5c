"""The source files of an export are those it imports, directly or not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.sources import hash_sources

FILES = {
    "__init__.py": "",
    "model.py": "import json\nfrom . import layers\nfrom sourced.deep.inner import f\n",
    "layers.py": "def build():\n    from sourced import lazy\n    import numpy.random\n    return lazy\n",
    "lazy.py": "x = 1\n",
    "unrelated.py": "x = 1\n",
    "deep/__init__.py": "",
    "deep/inner.py": "from ..above import y\ndef f(): return y\n",
    "above.py": "y = 2\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "sourced" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "sourced"


@pytest.mark.parametrize("name", ["model.py", "layers.py", "lazy.py", "deep/inner.py", "above.py"])
def test_a_change_in_any_file_that_is_imported_changes_the_hash(package: Path, name: str) -> None:
    before, _ = hash_sources(["sourced.model"])
    (package / name).write_text(FILES[name] + "\n# changed\n")
    assert hash_sources(["sourced.model"])[0] != before


def test_a_change_elsewhere_does_not(package: Path) -> None:
    before, _ = hash_sources(["sourced.model"])
    (package / "unrelated.py").write_text("x = 2\n")
    assert hash_sources(["sourced.model"])[0] == before


def test_what_is_left_out_is_neither_hashed_nor_followed(package: Path) -> None:
    before, _ = hash_sources(["sourced.model"], leave_out=frozenset({"sourced.layers"}))
    (package / "layers.py").write_text("import sourced.unrelated\n")
    (package / "lazy.py").write_text("x = 3\n")
    assert hash_sources(["sourced.model"], leave_out=frozenset({"sourced.layers"}))[0] == before


def test_foreign_packages_are_named_and_nothing_is_imported(package: Path) -> None:
    _, foreign = hash_sources(["sourced.model"])
    assert foreign == {"json", "numpy"}
    assert not any(name.startswith("sourced") for name in sys.modules)


def test_a_module_without_source_is_an_error() -> None:
    with pytest.raises(ExportError, match=r"no_such_package\.model"):
        hash_sources(["no_such_package.model"])
