"""What kind of thing of TensorRT a value of the worker's source is, as far as that is known."""

from __future__ import annotations

from dataclasses import dataclass

MODULE = ""
"""The kind of the module itself, whose names are classes and functions."""
CALLED_SO = {
    "trt": MODULE,
    "module": MODULE,
    "builder": "Builder",
    "network": "INetworkDefinition",
    "config": "IBuilderConfig",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "tensor": "ITensor",
}
"""What the worker calls TensorRT's objects where it is handed them: parameters and attributes of these names."""
RETURNS = {
    ("Builder", "create_network"): "INetworkDefinition",
    ("Builder", "create_builder_config"): "IBuilderConfig",
    ("Builder", "create_optimization_profile"): "IOptimizationProfile",
    ("INetworkDefinition", "get_input"): "ITensor",
    ("INetworkDefinition", "get_output"): "ITensor",
    ("INetworkDefinition", "get_layer"): "ILayer",
    ("ILayer", "get_input"): "ITensor",
    ("ILayer", "get_output"): "ITensor",
    ("IBuilderConfig", "create_timing_cache"): "ITimingCache",
    ("Runtime", "deserialize_cuda_engine"): "ICudaEngine",
    ("ICudaEngine", "create_engine_inspector"): "EngineInspector",
    ("ICudaEngine", "create_execution_context"): "IExecutionContext",
}
"""What calls give back; test_tensorrt_rtx_names.py compares it with a real package."""
Name = tuple[str, str]
"""The kind of an object, and a name of it."""


@dataclass(frozen=True)
class Thing:
    """An object or a class of TensorRT; `many`: several in a row."""

    kind: str
    many: bool = False


@dataclass(frozen=True)
class Words:
    """One of several texts."""

    words: tuple[str, ...]


class Unknown:
    """Nothing is known of this value."""


UNKNOWN = Unknown()
