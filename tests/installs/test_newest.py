"""Today's newest versions of what needs no torch, with a command of every group and a run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

LIGHT = "reports,remote,campaign"
"""The extras that need no torch."""
PROTOCOL = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 20, min_s: 0.05, max_s: 1, window: 5}
sampling: {min_count: 20, max_count: 30, min_s: 0.1, max_s: 2, relative_interval: 0.2, confidence: 0.95}
"""
COMMANDS = (
    "models ls",
    "devices ls",
    "devices probe local",
    "sweep --table 3 --dry-run",
    "run --onnx model.onnx --protocol fast.yaml --quiet",
    "results ls",
    "results verify",
    "results show latest",
    "results ls --store memory://runs",
    "compare latest latest",
    "report --table 3",
    "report --html --to report",
    "plot latency --published --to figure.pdf",
    "host --help",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with a small ONNX file that old versions read too."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made = tmp_path / "empty"
    made.mkdir()
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 16, 16])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 4, 14, 14])
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "weights")
    node = helper.make_node("Conv", ["image", "weights"], ["logits"])
    graph = helper.make_graph([node], "small", [image], [logits], [weights])
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), made / "model.onnx")
    (made / "fast.yaml").write_text(PROTOCOL)
    return made


@pytest.mark.slow
def test_every_group_of_commands_works_with_todays_newest_versions(
    make_environment: Callable[..., Any], wheel: Path, folder: Path, bench_environment: dict[str, str]
) -> None:
    environment = make_environment()
    environment.install("--resolution", "highest", f"{wheel}[{LIGHT}]", "onnx", "onnxruntime")
    own = {name: text for name, text in bench_environment.items() if name not in ("BENCH_STORE", "PYTHONPATH")}
    for words in COMMANDS:
        done = subprocess.run(
            [environment.bench, *words.split()], check=False, capture_output=True, text=True, cwd=folder, env=own
        )
        assert done.returncode == 0, f"bench {words}\n{done.stdout}{done.stderr}"
