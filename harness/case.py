"""Case: one thing to measure, fully decided before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.device import Device, DeviceSession
from devices.runners.base import RoundRequest
from harness.errors import RequestError
from harness.export import Artifact, ExportOptions, describe_inputs
from harness.protocol import Protocol
from model_specs.spec import ModelSpec

INPUT_SEED = 0
"""Draws the input. One for all runs: reference outputs are kept beside the artifact; speed does not depend on it."""


@dataclass(frozen=True)
class Case:
    """A model on a device: what `bench run` measures, and what a campaign has many of."""

    spec: ModelSpec
    device: Device
    protocol: Protocol
    runtime: str
    rounds: int
    threads: int
    cpus: tuple[int, ...] | None = None
    """Cores to pin to; None for the last `threads` of those available."""
    runtime_options: dict[str, Any] = field(default_factory=dict)
    """Beyond `threads`."""
    batch: int = 1
    weights: Path | None = None
    seed: int = 0
    artifact: Artifact | None = None
    """A file that was brought instead of a model to export."""

    def export_options(self) -> ExportOptions:
        return ExportOptions(
            batch=self.batch, opset=self.device.onnx_opset, weights=self.weights, seed=self.seed, input_seed=INPUT_SEED
        )

    def all_runtime_options(self) -> dict[str, Any]:
        return {"threads": self.threads, **self.device.runtime_options, **self.runtime_options}

    def round_request(self, artifact: Artifact, cpus: tuple[int, ...]) -> RoundRequest:
        return RoundRequest(
            runtime=self.runtime,
            runtime_options=self.all_runtime_options(),
            inputs=describe_inputs(self.spec, self.batch, INPUT_SEED, layout=artifact.inputs[0].layout),
            warmup=self.protocol.worker_warmup(),
            sampling=self.protocol.worker_sampling(),
            cpus=cpus,
        )


def choose_cpus(case: Case, session: DeviceSession) -> tuple[int, ...]:
    """The cores to pin to. The last ones by default: the first serves most interrupts and the harness itself.

    Raises RequestError if the device has fewer cores than the case wants, or not those.
    """
    available = session.available_cpus()
    if case.cpus is not None:
        absent = sorted(set(case.cpus) - set(available))
        if absent:
            raise RequestError(f"--cpus: core {absent[0]} is not available; there are {_ranges(available)}")
        return case.cpus
    if case.threads > len(available):
        raise RequestError(f"--threads {case.threads}: only {len(available)} cores are available on {case.device.name}")
    return available[-case.threads :]


def _ranges(cpus: tuple[int, ...]) -> str:
    return ", ".join(map(str, cpus))
