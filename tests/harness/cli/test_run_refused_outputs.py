"""What computes something else than the model gets no number: MNN's cubic resize is wrong at the borders, and
litert-torch's converter forgets to permute what was expanded."""

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


POSITIONS = """\
import torch


class Net(torch.nn.Module):
    def forward(self, x):
        return x.reshape(-1, 1, 5, 1, 5).expand(-1, -1, -1, 5, -1).permute(0, 1, 4, 3, 2)
"""


def test_a_permutation_that_a_converter_forgot_is_refused(bench: Bench, tmp_path: Path) -> None:
    """As in BoTNet's relative positions. A release of the converter without this fault makes this test fail, and
    docs/method.md wrong."""
    (tmp_path / "fast.yaml").write_text(FAST)
    (tmp_path / "net.py").write_text(POSITIONS)
    words = ("--module", "net.py:Net", "--input", "5x5", "--protocol", "fast.yaml", "--json")
    wrong = bench("run", *words, "--runtime", "litert")
    assert wrong.returncode == 1, wrong.stderr
    record: dict[str, Any] = json.loads((Path(wrong.json()["path"]) / "record.json").read_text())
    assert record["failure"]["kind"] == "fidelity"
    right = bench("run", *words, "--runtime", "onnxruntime")
    assert right.returncode == 0, right.stderr
    assert right.json()["fidelity"]["passed"] is True


@pytest.mark.slow
def test_the_same_resize_by_another_runtime_is_right(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    words = ("--model", "b0-seg", "--resolution", "64x64", "--protocol", "fast.yaml", "--json")
    right = bench("run", *words, "--runtime", "openvino")
    assert right.returncode == 0, right.stderr
    assert right.json()["fidelity"]["passed"] is True
