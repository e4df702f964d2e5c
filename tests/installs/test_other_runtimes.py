"""Runtimes that cannot lie beside the others in one environment run in one of their own, by `python:` of a device."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bench, WriteDevices

FAST = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 30, min_s: 0.02, max_s: 0.5, window: 0}
sampling: {min_count: 10, max_count: 20, min_s: 0.05, max_s: 5, relative_interval: null}
"""


@pytest.mark.slow
def test_openvino_inside_onnx_runtime_counts_what_it_took(
    make_environment: Callable[[], Any], user_devices: WriteDevices, bench: Bench, tmp_path: Path
) -> None:
    """Its package stands in the place of onnxruntime."""
    made = make_environment()
    made.install("onnxruntime-openvino==1.24.1", "numpy")
    device = {"runtime": "onnxruntime", "python": [str(made.python)], "runtime_options": {"provider": "openvino"}}
    user_devices({"desk-ort-openvino": device})
    (tmp_path / "fast.yaml").write_text(FAST)
    words = ("--model", "b0-cls-r224", "--resolution", "64", "--protocol", "fast.yaml", "--json")
    ran = bench("run", "--device", "desk-ort-openvino", *words)
    assert ran.returncode == 0, ran.stderr
    record = json.loads((Path(ran.json()["path"]) / "record.json").read_text())
    assert record["fidelity"]["passed"] is True
    facts = record["runtime"]["facts"]
    assert facts["providers"][0] == "OpenVINOExecutionProvider"
    taken = facts["delegation"]
    assert taken["delegate"] == "OpenVINOExecutionProvider"
    assert taken["nodes"] == taken["delegated"] + sum(taken["outside"].values()) > 50
    assert taken["delegated"] > 50
    flagged = "partly_delegated" in {flag["name"] for flag in record["flags"]}
    assert flagged == (taken["delegated"] < taken["nodes"])
    assert record["runtime"]["options"]["provider"] == "openvino"
