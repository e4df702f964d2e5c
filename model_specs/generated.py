"""Families without a file: models whose spec is made from the id itself, told by how the id begins."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

_MAKERS = {
    "timm:": "architectures.timm_models:timm_spec",
    "timm-": "architectures.timm_models:timm_spec",
    "attn-": "architectures.attention.spec:attention_spec",
    "calibration-": "calibration_specs:calibration_spec",
}
"""By prefix of the id, the function that makes the spec of a whole id."""


def generated_spec(model_id: str) -> ModelSpec | None:
    """The spec of any model of timm (`timm:NAME`, or the id `timm-NAME` of its runs), of any attention (`attn-...`,
    architectures/attention/subject.py), or of what devices are calibrated with (`calibration-...`,
    calibration_specs.py); None for an id that begins like none of these. Raises UnknownModelError, SpecError.
    """
    for prefix, maker in _MAKERS.items():
        if model_id.startswith(prefix):
            module, name = maker.split(":")
            spec: ModelSpec = getattr(importlib.import_module(f"latency_bench.model_specs.{module}"), name)(model_id)
            return spec
    return None
