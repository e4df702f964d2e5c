"""What an exporter of one format is given, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.artifact import Tensor

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ExportJob:
    """One module to write to one file."""

    module: torch.nn.Module
    """fp32, in eval mode; takes `inputs` positionally, returns a tensor or a tuple in the order of `outputs`."""
    inputs: dict[str, torch.Tensor]
    """By name, in order, batch included: the seeded input, also used for tracing."""
    outputs: dict[str, torch.Tensor]
    """By name, in order: what the module computes for `inputs`."""
    path: Path
    """Where the file has to be; its directory is empty but for files of the cache."""
    precision: str
    opset: int
    calibration: tuple[dict[str, torch.Tensor], ...] = ()
    """Further inputs, for the ranges of activations where these become integers."""
    quantiser: str | None = None
    """Who makes the quantised file, where the format leaves a choice; None: the format's own."""


@dataclass(frozen=True)
class Conversion:
    """The file's tensors as its runtime sees them, and facts for the record."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    external_data: tuple[str, ...] = ()
    """Names of files beside `path` that it needs."""


def channel_first(named: Mapping[str, torch.Tensor]) -> tuple[Tensor, ...]:
    """The tensors of a runtime that keeps the spec's layout."""
    return tuple(
        Tensor(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), "NCHW")
        for name, tensor in named.items()
    )
