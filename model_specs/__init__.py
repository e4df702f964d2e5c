"""What is measured: model specifications and the PyTorch modules that they build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.model_specs.catalog import list_specs, load_spec
    from latency_bench.model_specs.errors import SpecError, UnknownModelError
    from latency_bench.model_specs.spec import ModelSpec

__all__ = ["ModelSpec", "SpecError", "UnknownModelError", "list_specs", "load_spec"]

_HOMES = {
    "ModelSpec": "latency_bench.model_specs.spec",
    "SpecError": "latency_bench.model_specs.errors",
    "UnknownModelError": "latency_bench.model_specs.errors",
    "list_specs": "latency_bench.model_specs.catalog",
    "load_spec": "latency_bench.model_specs.catalog",
}


def __getattr__(name: str) -> Any:
    """Import on first use: pydantic and yaml are not needed to import the package."""
    if name not in _HOMES:
        raise AttributeError(f"module 'latency_bench.model_specs' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
