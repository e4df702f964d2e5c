"""What a user calls a run, and the commit of their own checkout, from the command to the row of the run table."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.case_options import CaseOptions, case_of
from latency_bench.harness.cli.pair import labelled
from latency_bench.harness.errors import UsageError
from latency_bench.harness.git_checkout import checkout_of
from latency_bench.harness.identity.request_key import request_key
from latency_bench.harness.store.columns.run import commit_of
from latency_bench.harness.store.run_table import read_row_of

PROTOCOL = """name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 1, window: 0}
sampling: {min_count: 5, max_count: 20, min_s: 0, max_s: 1, relative_interval: null, confidence: 0.95}
"""


def _git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A User", "-c", "user.email=user@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_checkout_tells_its_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert checkout_of(tmp_path) is None
    _git(tmp_path, "init", "-q")
    (tmp_path / "model.py").write_text("x = 1\n")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "first")
    checkout_of.cache_clear()
    clean = checkout_of(tmp_path)
    assert clean is not None
    assert (clean.commit, clean.dirty) == (_git(tmp_path, "rev-parse", "HEAD"), False)
    (tmp_path / "model.py").write_text("x = 2\n")
    checkout_of.cache_clear()
    changed = checkout_of(tmp_path)
    assert changed is not None
    assert (changed.commit, changed.dirty) == (clean.commit, True)


def test_labels_and_the_checkout_are_in_the_record_and_in_the_row(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(PROTOCOL)
    _git(tmp_path, "init", "-q")
    (tmp_path / "model.py").write_text("x = 1\n")
    _git(tmp_path, "add", "model.py")
    _git(tmp_path, "commit", "-qm", "first")
    words = ("run", "--model", "b0-cls-r224", "--resolution", "64", "--protocol", "fast.yaml", "--json")
    rows = []
    for labels in ((), ("--label", "commit=1a2b3c4", "--label", "board=lab 3")):
        done = bench(*words, *labels)
        assert done.returncode == 0, done.stderr
        text = (Path(done.json()["path"]) / "record.json").read_bytes()
        assert json.loads(text)["project"] == {"commit": _git(tmp_path, "rev-parse", "HEAD"), "dirty": False}
        rows.append(read_row_of(text))
    assert [row["commit"] for row in rows] == [_git(tmp_path, "rev-parse", "HEAD")[:12], "1a2b3c4"]
    assert [row["labels"] for row in rows] == [None, "board=lab 3, commit=1a2b3c4"]


@pytest.mark.parametrize("label", ["commit", "=x", "two words=x", "commit=", "a=" + "x" * 201, "a=b\x1b[31m"])
def test_a_label_that_is_none_is_refused(bench: Any, label: str) -> None:
    done = bench("run", "--model", "b0-cls-r224", "--label", label)
    assert done.returncode == 2
    assert "is not a label" in done.stderr


def test_a_pair_has_one_value_for_all_sides_or_one_each() -> None:
    sides = [CaseOptions(model="a"), CaseOptions(model="b")]
    found = labelled(sides, [("commit", "old,new"), ("board", "3")])
    assert [side.labels for side in found] == [{"commit": "old", "board": "3"}, {"commit": "new", "board": "3"}]
    for wrong in ("a,b,c", "a,", ","):
        with pytest.raises(UsageError, match="with commas"):
            labelled(sides, [("commit", wrong)])


def test_a_case_of_another_commit_is_another_case_and_one_without_labels_is_what_it_was() -> None:
    def key(**labels: str) -> str:
        return request_key(case_of(CaseOptions(model="b0-cls-r224", labels=labels), single=False))

    assert key(commit="a") == key(commit="a")
    assert len({key(), key(commit="a"), key(commit="b")}) == 3


def test_a_commit_is_the_label_before_that_of_the_checkout() -> None:
    assert commit_of("v1", "f" * 40, True) == "v1"
    assert commit_of(None, "f" * 40, True) == "f" * 12 + "-dirty"
    assert commit_of(None, None, None) is None
