"""Workload: what was measured, apart from the way in which it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.carried_types import CARRIED_TYPES

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.store.record import RunRecord

WORKLOAD_COLUMNS = ("model", "output", "batch", "height", "width", "inputs", "pipeline")
"""Columns of the run table that make the workload."""
_USUAL_OUTPUT = "logits"


@dataclass(frozen=True, order=True)
class Workload:
    """A model with its inputs and outputs."""

    model: str
    output: str
    """Of dense predictions: logits, argmax or full; `logits` for all others, which have one output alone."""
    batch: int
    """Images per request."""
    height: int
    width: int
    """Of the first input, pixels."""
    inputs: str = ""
    """Of a file: the sizes and values that the user gave to its inputs, as `--shape` has them. Of a model: the type
    that its images are fed as, where `--input-type` says one; else empty."""
    pipeline: str = ""
    """The library that prepares a photograph in every request; empty where a request is the network's alone."""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Workload:
        """Of a row of the run table, null as None."""
        return cls(
            row["model"],
            row["output"] or _USUAL_OUTPUT,
            int(row["batch"]),
            int(row["height"]),
            int(row["width"]),
            row["inputs"] or "",
            row["pipeline"] or "",
        )

    @classmethod
    def of_case(cls, case: Case) -> Workload:
        """What a case asks for."""
        return cls(case.spec.id, case.output, case.batch, *case.spec.resolution, case.asked_inputs, case.pipeline or "")

    @classmethod
    def of_record(cls, record: RunRecord) -> Workload:
        """Of a stored run."""
        model = record.model
        inputs, pipeline = model.inputs or "", model.pipeline or ""
        return cls(model.id, model.output or _USUAL_OUTPUT, model.batch, *model.resolution, inputs, pipeline)

    @property
    def resolution(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def carries(self) -> bool:
        """Whether `inputs` is the type that images are fed as."""
        return self.inputs in CARRIED_TYPES

    @property
    def is_usual_request(self) -> bool:
        """Whether a request is the paper's: the network's own values in, its outputs out, and nothing around it."""
        return not self.carries and not self.pipeline

    def subject(self) -> str:
        """The model and what is unusual about its request, without sizes: `b1-seg`, `b1-seg argmax uint8`."""
        words = [
            self.model,
            "" if self.output == _USUAL_OUTPUT else self.output,
            self.inputs if self.carries else "",
            self._around(),
        ]
        return " ".join(word for word in words if word)

    def _around(self) -> str:
        return f"pipeline ({self.pipeline})" if self.pipeline else ""

    def label(self) -> str:
        """As short as it can be told: `b1-seg`, `b1-seg 512x1024 batch 4`, `b1-seg argmax`, `net image=1x3x640x640`."""
        says_sizes = bool(self.inputs) and not self.carries
        own_size = says_sizes or self.resolution == own_resolution(self.model)
        words = [
            self.model,
            "" if own_size else f"{self.height}x{self.width}",
            self.inputs,
            "" if self.batch == 1 else f"batch {self.batch}",
            "" if self.output == _USUAL_OUTPUT else self.output,
            self._around(),
        ]
        return " ".join(word for word in words if word)


@cache
def own_resolution(model: str) -> tuple[int, int] | None:
    """(height, width) that a model of the catalog has unless asked otherwise; None for a model it does not have."""
    from latency_bench.model_specs.calibration_specs import PREFIX
    from latency_bench.model_specs.catalog import load_spec
    from latency_bench.model_specs.errors import SpecError

    if model.startswith(PREFIX):
        try:
            return load_spec(model).resolution
        except SpecError:
            return None
    return _own_resolutions().get(model)


@cache
def _own_resolutions() -> dict[str, tuple[int, int]]:
    from latency_bench.model_specs.catalog import list_specs

    return {spec.id: spec.resolution for spec in list_specs()}
