"""From a module to a file that a runtime loads, by way of a content-addressed cache.

    artifact = export_artifact(load_spec("b1-seg"), "onnx")

Nothing here imports torch: the conversion runs in a process of its own, and only when the cache has no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.harness.export.artifact import Artifact, Tensor
    from latency_bench.harness.export.cache import ArtifactCache, BrokenCacheEntryWarning
    from latency_bench.harness.export.errors import CacheError, ExportError, ExportOutOfMemoryError
    from latency_bench.harness.export.exporter import export_artifact
    from latency_bench.harness.export.inputs import describe_inputs
    from latency_bench.harness.export.options import ExportOptions

__all__ = [
    "Artifact",
    "ArtifactCache",
    "BrokenCacheEntryWarning",
    "CacheError",
    "ExportError",
    "ExportOptions",
    "ExportOutOfMemoryError",
    "Tensor",
    "describe_inputs",
    "export_artifact",
]

_HOMES = {
    "Artifact": "artifact",
    "ArtifactCache": "cache",
    "BrokenCacheEntryWarning": "cache",
    "CacheError": "errors",
    "ExportError": "errors",
    "ExportOptions": "options",
    "ExportOutOfMemoryError": "errors",
    "Tensor": "artifact",
    "describe_inputs": "inputs",
    "export_artifact": "exporter",
}


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'latency_bench.harness.export' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"latency_bench.harness.export.{_HOMES[name]}"), name)
