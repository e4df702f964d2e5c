"""The torch.export format, in both precisions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.formats import pt2 as pt2_format
from latency_bench.harness.export.job import ExportJob

MakeJob = Callable[..., ExportJob]
Run = Callable[[Path, dict[str, Any]], dict[str, Any]]


def test_half_precision_is_inside_and_float32_outside(make_job: MakeJob, runners: dict[str, Run]) -> None:
    image = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    job = make_job(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()), "model.pt2", "fp16", image=image)
    pt2_format.export(job)
    weights = torch.export.load(job.path).state_dict
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    (computed,) = runners["pt2"](job.path, {"image": image.numpy()}).values()
    difference = (torch.from_numpy(computed) - job.outputs["result"]).abs().max()
    assert computed.dtype == "float32"
    assert 0 < difference < 5e-3  # rounded, so it really was half


def test_a_truncated_archive_is_noticed(make_job: MakeJob) -> None:
    job = make_job(torch.nn.Linear(50, 50), "model.pt2", vector=torch.ones(1, 50))
    pt2_format.export(job)
    content = job.path.read_bytes()
    job.path.write_bytes(content[:-200])
    with pytest.raises(ExportError, match="wrote an archive that cannot be read"):
        pt2_format.check_archive(job.path)
    middle = content.index(bytes(job.module.weight.detach().numpy().tobytes()))  # type: ignore[operator]
    job.path.write_bytes(content[:middle] + b"\xff\xff" + content[middle + 2 :])
    with pytest.raises(ExportError, match="damaged"):
        pt2_format.check_archive(job.path)
