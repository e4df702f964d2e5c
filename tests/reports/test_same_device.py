"""Which of the paper's devices a device is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latency_bench.harness.store.record import RunRecord, parse_record
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.same_device import paper_device, paper_devices

EXAMPLE = parse_record((Path(__file__).parents[1] / "harness" / "store" / "examples" / "schema_1.json").read_bytes())


def record(board: str | None = None, gpu: Any = None) -> RunRecord:
    """A record of that board, and of what its runtime says of the GPU."""
    assert EXAMPLE.runtime is not None
    fingerprint = {} if board is None else {"jetson": {"model": board}}
    facts = {} if gpu is None else {"gpu": gpu}
    return EXAMPLE.model_copy(
        update={
            "device": EXAMPLE.device.model_copy(update={"fingerprint": fingerprint}),
            "runtime": EXAMPLE.runtime.model_copy(update={"facts": facts}),
        }
    )


@pytest.mark.parametrize(
    ("board", "gpu", "name"),
    [
        ("NVIDIA Jetson AGX Orin Developer Kit", {"name": "Orin"}, "orin"),
        ("NVIDIA Orin NX Developer Kit", {"name": "Orin"}, None),
        ("NVIDIA Jetson Orin Nano Developer Kit", {"name": "Orin"}, None),
        ("NVIDIA Jetson Nano Developer Kit", {"name": "NVIDIA Tegra X1"}, "nano"),
        ("NVIDIA Jetson Nano 2GB Developer Kit", None, "nano"),
        (None, {"name": "NVIDIA A100-SXM4-80GB"}, "a100"),
        (None, {"name": "NVIDIA A100 80GB PCIe"}, "a100"),
        (None, {"name": "NVIDIA A100-SXM4-40GB MIG 1g.5gb"}, None),
        (None, {"name": "NVIDIA A1000 Laptop GPU"}, None),
        (None, {"name": "NVIDIA H200"}, None),
        # trtexec gives the name alone.
        (None, "NVIDIA A100-SXM4-80GB", "a100"),
        (None, 100, None),
        (None, None, None),
    ],
)
def test_only_the_very_device_is_the_papers(board: str | None, gpu: Any, name: str | None) -> None:
    assert paper_device(default_paper(), record(board, gpu)) == name


def test_a_record_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    runs = pd.DataFrame({"device": ["orin"], "path": ["orin/b1-seg/20261101T000000Z-000000"]})
    assert paper_devices(default_paper(), runs, tmp_path) == {}
