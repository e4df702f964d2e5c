"""What people see of a run on a GPU: the GPU's name, what left it, and both throughputs by their names."""

from __future__ import annotations

import copy
import io

from rich.console import Console

from latency_bench.harness.cli.rendering import render_result
from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import conditions_of


def on_gpu(make_record, name="NVIDIA H200", **changes):
    record = make_record().model_dump()
    record["model"] |= {"precision": "fp16", "output": "argmax"}
    record["runtime"] = {
        "name": "torch-cuda",
        "version": "2.11",
        "options": {"threads": 1},
        "facts": {"gpu": {"name": name, "driver": 13000}},
    }
    record["summary"]["throughput_measured"] = {
        "img_s": 950.0,
        "streams": 2,
        "batch": 1,
        "round_img_s": [900.0, 950.0, 960.0],
    }
    record = copy.deepcopy(record) | changes
    return type(make_record())(**record)


def test_the_result(make_record):
    written = io.StringIO()
    render_result(on_gpu(make_record), "/there", Console(file=written, width=160))
    text = written.getvalue()
    assert "NVIDIA H200" in text
    assert "thread" not in text
    assert "fp16, output argmax" in text
    assert "950.0 images/s (images / wall second, batch 1, 2 streams)" in text
    assert "(batch / median latency)" in text


def test_two_gpus_are_two_devices_by_whatever_name(make_record):
    h200, a100 = (conditions_of(on_gpu(make_record, name)) for name in ("NVIDIA H200", "NVIDIA A100"))
    found = differences(h200, a100)
    assert found.question is None
    assert any("H200" in obstacle for obstacle in found.obstacles)
    assert differences(h200, a100, across=["device"]).obstacles == ()
