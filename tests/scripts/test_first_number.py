"""The time to a first number, measured on a repository whose `make bench` shows one at once and then goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

MAKEFILE = """\
MANIFEST = {"stages_s": {"building": 0.125, "converting": 0.25, "complete": 0.75}}

local:
\t@test -d "$(HOME)" && test -z "$(BENCH_STORE)" && head -c 2000000 /dev/zero > "$(PIP_CACHE_DIR)/package"
\t@mkdir .venv && cp "$(PIP_CACHE_DIR)/package" .venv

bench:
\t@mkdir -p "$(BENCH_CACHE)/exports/a"
\t@echo '$(MANIFEST)' > "$(BENCH_CACHE)/exports/a/manifest.json"
\t@printf 'b1-seg, round 1 of 3, sampling, 4 requests in 1 s, median %s' "$(MEDIAN)"; exec sleep $(REST)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture(autouse=True)
def run_by_make(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `make test` runs this, with its own variables and flags for a make below it."""
    for name, value in (("MAKELEVEL", "1"), ("MAKEFLAGS", "w"), ("MFLAGS", "-w"), ("MAKEOVERRIDES", "")):
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("benchmarks/first_number.py")


def test_stages_end_with_the_first_number(
    script: ModuleType, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make bench` would go on for an hour; it is interrupted."""
    for name, value in (("MEDIAN", "1536 ms"), ("REST", "3600"), ("BENCH_STORE", "elsewhere")):
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    clone, packages, installed, *exports, requests, whole = script.stages(repository.as_uri(), work, whole=False)
    assert clone.size_bytes > 1000
    assert packages.size_bytes == installed.size_bytes == 2_000_000
    parts = [(export.name, export.seconds) for export in exports]
    assert parts == [("export: building", 0.125), ("export: converting", 0.5)]
    assert whole.seconds == pytest.approx(clone.seconds + packages.seconds + 0.75 + requests.seconds)
    assert packages.line().endswith("| 2.0 MB |")


def test_no_number_is_an_error_with_what_was_printed(
    script: ModuleType, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MEDIAN", "not known"), ("REST", "0")):
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(RuntimeError, match=r"no number was shown; make ended with code 0:\n.*median not known"):
        list(script.stages(repository.as_uri(), work, whole=False))
