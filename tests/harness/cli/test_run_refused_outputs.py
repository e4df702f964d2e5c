"""A runtime that computes something else than the model gets no number: MNN's cubic resize is wrong at the borders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bench

FAST = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 10, min_s: 0.02, max_s: 0.5, window: 0}
sampling: {min_count: 5, max_count: 10, min_s: 0.02, max_s: 5, relative_interval: null}
"""


def test_a_resize_that_is_wrong_at_the_borders_is_refused_with_the_reason(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    words = ("--model", "b0-seg", "--resolution", "64x64", "--protocol", "fast.yaml", "--json")
    ran = bench("run", *words, "--runtime", "mnn")
    assert ran.returncode == 1, ran.stderr
    record: dict[str, Any] = json.loads((Path(ran.json()["path"]) / "record.json").read_text())
    assert record["summary"] is None
    assert record["failure"]["kind"] == "fidelity"
    assert "what ran does not compute the model" in record["failure"]["message"]
    assert record["fidelity"]["metrics"]["logits"]["max_rel"] > 0.05


@pytest.mark.slow
def test_the_same_resize_by_another_runtime_is_right(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    words = ("--model", "b0-seg", "--resolution", "64x64", "--protocol", "fast.yaml", "--json")
    right = bench("run", *words, "--runtime", "openvino")
    assert right.returncode == 0, right.stderr
    assert right.json()["fidelity"]["passed"] is True
