"""What libraries make beside their work leaves nothing in the folder for temporary files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

NET = """
from torch import nn


class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 3)
"""
MODULE = ("--module", "net.py:Net", "--input", "3x8x8")
PROTOCOL = """
name: fast
rounds: 2
campaign_rounds: 2
warmup: {min_count: 3, max_count: 20, min_s: 0.05, max_s: 1, window: 5}
sampling: {min_count: 20, max_count: 30, min_s: 0.1, max_s: 2, relative_interval: 0.2, confidence: 0.95}
"""


@pytest.mark.parametrize(
    "words",
    [
        ("export", *MODULE, "--format", "pt2", "--to", "net.pt2"),
        ("run", *MODULE, "--runtime", "torch", "--protocol", "fast.yaml", "--quiet"),
        ("run", *MODULE, "--runtime", "onnxruntime", "--protocol", "fast.yaml", "--quiet"),
        ("profile", *MODULE, "--runtime", "torch"),
        ("models", "check", "b0-cls-r224"),
    ],
    ids=["export", "run on torch", "run on ONNX Runtime", "profile", "models check"],
)
def test_nothing_is_left(cold_bench: Any, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "fast.yaml").write_text(PROTOCOL)
    done = cold_bench(*words, env={"TMPDIR": str(folder), "BENCH_CACHE": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    assert not list((tmp_path / "cache").rglob("torchinductor"))
