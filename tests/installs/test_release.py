"""A release is one command: tried in a clone of the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of its own with the files of this one."""
    for variable in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{variable}_NAME", "Tester")
        monkeypatch.setenv(f"GIT_{variable}_EMAIL", "tester@example.org")
    folder = tmp_path / "clone"
    subprocess.run(["cp", "-a", str(tree), str(folder)], check=True)
    schema = Path("tests/harness/store/examples/released_schema.json")
    (folder / schema).parent.mkdir(parents=True)
    (folder / schema).write_bytes((ROOT / schema).read_bytes())
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All"]):
        subprocess.run(["git", *words], check=True, cwd=folder)
    return folder


def release(clone: Path, version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/release.py", version], check=False, capture_output=True, text=True, cwd=clone
    )


def git(clone: Path, *words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=clone, text=True)


@pytest.mark.slow
def test_a_release_is_built_checked_committed_and_tagged(clone: Path) -> None:
    changelog = clone / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## 0.1.0", "## 9.8.7", 1))
    git(clone, "commit", "-q", "-a", "-m", "Changes")
    done = release(clone, "9.8.7")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (clone / "dist").iterdir()) == [
        "latency_bench-9.8.7-py3-none-any.whl",
        "latency_bench-9.8.7.tar.gz",
    ]
    assert git(clone, "tag").split() == ["v9.8.7"]
    assert git(clone, "status", "--porcelain") == ""
    assert "9.8.7, not released yet" not in changelog.read_text()


@pytest.mark.parametrize(
    ("version", "reason"), [("7.7.7", "no section `## 7.7.7, not released yet`"), ("next", "is no version")]
)
def test_what_cannot_be_released_changes_nothing(clone: Path, version: str, reason: str) -> None:
    done = release(clone, version)
    assert done.returncode == 1
    assert reason in done.stderr
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "tag") == ""


@pytest.mark.slow
def test_a_file_that_is_missing_in_the_wheel_stops_a_release(clone: Path) -> None:
    project = clone / "pyproject.toml"
    project.write_text(project.read_text().replace('"protocols/*.yaml"', '"protocols/none.yaml"'))
    changelog = clone / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## 0.1.0", "## 9.8.7", 1))
    git(clone, "commit", "-q", "-a", "-m", "Forgotten")
    done = release(clone, "9.8.7")
    assert done.returncode == 1
    assert "missing: latency_bench/harness/protocols/quick.yaml" in done.stderr
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "tag") == ""
