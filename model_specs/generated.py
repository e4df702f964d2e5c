"""Families without a file: models whose spec is made from the id itself, told by how the id begins."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

_MAKERS = {
    "timm:": "architectures.timm_models:timm_spec",
    "timm-": "architectures.timm_models:timm_spec",
    "torchvision:": "architectures.torchvision_models:torchvision_spec",
    "torchvision-": "architectures.torchvision_models:torchvision_spec",
    "transformers:": "architectures.transformers_models:transformers_spec",
    "attn-": "architectures.attention.spec:attention_spec",
    "calibration-": "calibration_specs:calibration_spec",
}
"""By prefix of the id, the function that makes the spec of a whole id."""
_LIBRARY_NAME = re.compile(r"[a-z][a-z0-9_.]*[a-z0-9]")


_LISTERS = {
    "timm:": "architectures.timm_models:timm_names",
    "torchvision:": "architectures.torchvision_models:torchvision_names",
}
"""By prefix, the function that lists the names behind it."""


def generated_names(pattern: str) -> list[str]:
    """The ids that a pattern with such a prefix means, for example `timm:mobilenetv4*`; none for another pattern."""
    for prefix, lister in _LISTERS.items():
        if pattern.startswith(prefix):
            names: list[str] = _function(lister)()
            return [prefix + name for name in names if fnmatchcase(name, pattern[len(prefix) :])]
    return []


def generated_spec(model_id: str) -> ModelSpec | None:
    """The spec that an id makes; None for an id that begins like none of these. Raises UnknownModelError, SpecError.

    Any model of timm (`timm:NAME`, or the id `timm-NAME` of its runs), a classifier or segmentation network of
    torchvision (`torchvision:NAME`), what transformers builds from a local folder (`transformers:FOLDER`), an attention
    (`attn-...`, architectures/attention/subject.py), what devices are calibrated with (`calibration-...`,
    calibration_specs.py).
    """
    for prefix, maker in _MAKERS.items():
        if model_id.startswith(prefix):
            spec: ModelSpec = _function(maker)(model_id)
            return spec
    return None


def named_in_libraries(name: str) -> list[str]:
    """The ids of a name that stands for a model in timm or torchvision, without saying in which: `timm:fastvit_t8`.

    Nothing is imported for a name that no library has: theirs have neither hyphens nor colons.
    """
    from latency_bench.model_specs.errors import SpecError

    found = []
    for library in ("timm", "torchvision") if _LIBRARY_NAME.fullmatch(name) else ():
        with contextlib.suppress(SpecError, ImportError):
            if generated_spec(f"{library}:{name}") is not None:
                found.append(f"{library}:{name}")
    return found


def _function(place: str) -> Callable[..., Any]:
    module, name = place.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(f"latency_bench.model_specs.{module}"), name)
    return function
