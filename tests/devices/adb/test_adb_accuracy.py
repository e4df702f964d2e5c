"""Images scored on a phone, which is a real adbd: through the tool's own files of inputs and outputs, one image at a
time, in as many pieces as there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latency_bench.harness.accuracy import pieces
from latency_bench.harness.accuracy.data_sets import open_data_set
from latency_bench.harness.accuracy.evaluation import Evaluated, evaluate
from latency_bench.harness.accuracy.stated import Statement
from latency_bench.harness.accuracy.subject_of_case import subject_of
from latency_bench.harness.case_options import case_of, options_of
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.spec import ModelSpec

Score = Callable[[], Evaluated]


@pytest.fixture
def score(tmp_path: Path, shared_cache: Path, locks: Path, namespace: object, monkeypatch: pytest.MonkeyPatch) -> Score:
    """Three images in pieces of two, held against the fp32 module."""
    monkeypatch.setenv("BENCH_DEVICES", str(tmp_path / "home" / ".config" / "bench" / "devices.yaml"))
    monkeypatch.setenv("BENCH_CACHE", str(shared_cache))
    monkeypatch.setattr(pieces, "_MOST_IN_A_PIECE", 2)
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        values = np.random.RandomState(number).randint(0, 256, (6, 8, 3)).astype(np.uint8)
        Image.fromarray(values).resize((80, 64), Image.Resampling.BICUBIC).save(images / f"{number}.png")

    def look(stage: str) -> None:
        assert len(list((tmp_path / "device").rglob("input*.bin"))) <= 1, stage

    def run() -> Evaluated:
        asked = {"model": "b0-cls-r224", "resolution": "64x64", "device": "phone"}
        case = case_of(options_of({**asked, "protocol": str(tmp_path / "short.yaml")}), single=True)
        assert isinstance(case.spec, ModelSpec)
        data = open_data_set(images, case.spec, layout="unlabelled")
        return evaluate(case, subject_of(case, Statement()), data, tmp_path / "kept", "test", look)

    return run


@pytest.mark.slow
def test_every_piece_is_scored_on_the_phone(write_devices, make_tool, score: Score) -> None:
    write_devices(make_tool("compute"), benchmark_model={"max_process_s": 120})
    found = score()
    assert found.names == tuple(f"{number}.png" for number in range(3))
    assert found.counts[:, 1].tolist() == [1.0] * 3, "the phone's classes are the module's"


def test_a_tool_that_gives_no_outputs_says_so(write_devices, make_tool, score: Score) -> None:
    write_devices(make_tool("replay"))
    with pytest.raises(UsageError, match="outputs cannot be had from this device: this build of benchmark_model makes"):
        score()
