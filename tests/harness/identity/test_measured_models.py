"""Runs as they are measured today: two models are compared as what they are, and nothing that a runtime says of them is
in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.store.reader import read_record

PROTOCOL = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 2, max_count: 5, min_s: 0.01, max_s: 0.3, window: 0}
sampling: {min_count: 5, max_count: 10, min_s: 0.01, max_s: 2, relative_interval: null}
"""
MODELS = ("attn-softmax-module-h8-d8-n64", "attn-relu-linear-module-h16-d8-n64")


@pytest.mark.parametrize("runtime", [pytest.param("torch", marks=pytest.mark.slow), "onnxruntime"])
def test_two_models_differ_in_the_model_alone(bench: Any, tmp_path: Path, runtime: str) -> None:
    (tmp_path / "fast.yaml").write_text(PROTOCOL)
    words = [word for model in MODELS for word in ("--model", model)]
    done = bench("run", "--runtime", runtime, "--protocol", "fast.yaml", *words)
    assert done.returncode == 0, done.stderr
    records = [read_record(file.parent) for file in sorted((tmp_path / "store").glob("local/*/*/record.json"))]
    assert [record.model.id for record in records] == sorted(MODELS)
    found = differences(*map(conditions_of, records))
    assert (found.question, found.obstacles) == ("model", ())
    again = bench("run", "--runtime", runtime, "--protocol", "fast.yaml", "--model", MODELS[0])
    assert again.returncode == 0, again.stderr
    same = [read_record(file.parent) for file in sorted((tmp_path / "store").glob(f"local/{MODELS[0]}/*/record.json"))]
    assert len(same) == 2
    assert conditions_of(same[0]) == conditions_of(same[1])
