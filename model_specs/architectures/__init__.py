"""The PyTorch modules. A builder's name maps to `module:function`; nothing is imported until it is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from latency_bench.model_specs.errors import SpecError

if TYPE_CHECKING:
    import torch

BUILDERS: dict[str, str] = {
    "attention": "latency_bench.model_specs.architectures.attention.modules:build",
    "calibration.products": "latency_bench.model_specs.architectures.calibration_modules:build_products",
    "calibration.convolutions": "latency_bench.model_specs.architectures.calibration_modules:build_convolutions",
    "calibration.sum": "latency_bench.model_specs.architectures.calibration_modules:build_sum",
    "efficientvit.classification": "latency_bench.model_specs.architectures.efficientvit.classification:build",
    "efficientvit.segmentation": "latency_bench.model_specs.architectures.efficientvit.segmentation:build",
    "efficientvit.super_resolution": "latency_bench.model_specs.architectures.efficientvit.super_resolution:build",
    "efficientvit.sam_encoder": "latency_bench.model_specs.architectures.efficientvit.segment_anything:build_encoder",
    "timm": "latency_bench.model_specs.architectures.timm_models:build",
    "torchvision": "latency_bench.model_specs.architectures.torchvision_models:build",
    "transformers": "latency_bench.model_specs.architectures.transformers_models:build",
    "fastervit": "latency_bench.model_specs.architectures.fastervit.classification:build",
    "segformer": "latency_bench.model_specs.architectures.segformer:build",
    "segnext": "latency_bench.model_specs.architectures.segnext.segmentation:build",
    "deeplabv3plus": "latency_bench.model_specs.architectures.deeplabv3plus:build",
    "maskformer": "latency_bench.model_specs.architectures.mask_transformers:build_maskformer",
    "mask2former": "latency_bench.model_specs.architectures.mask_transformers:build_mask2former",
    "restormer": "latency_bench.model_specs.architectures.restormer:build",
    "swinir": "latency_bench.model_specs.architectures.swinir:build",
    "vapsr": "latency_bench.model_specs.architectures.vapsr:build",
    "bsrn": "latency_bench.model_specs.architectures.bsrn:build",
    "sam": "latency_bench.model_specs.architectures.sam.segment_anything:build",
    "sam.vit_encoder": "latency_bench.model_specs.architectures.sam.vit_encoder:build",
    "sam.mobile_sam_encoder": "latency_bench.model_specs.architectures.sam.mobile_sam:build",
    "sam.edge_sam_encoder": "latency_bench.model_specs.architectures.sam.edge_sam:build",
    "sam.efficient_sam_encoder": "latency_bench.model_specs.architectures.sam.efficient_sam:build",
}


def find_builder(name: str) -> Callable[..., torch.nn.Module]:
    """The builder function registered under `name`: ours, a third party's (entry points `bench.builders`), or one in a
    Python file of the user's."""
    import importlib
    from importlib.metadata import entry_points

    from latency_bench.model_specs.user_builders import import_builder, is_user_builder, require_registered

    if is_user_builder(name):
        return import_builder(require_registered(name))

    if name in BUILDERS:
        module, function = BUILDERS[name].split(":")
        found: Callable[..., torch.nn.Module] = getattr(importlib.import_module(module), function)
        return found
    for entry in entry_points(group="bench.builders"):
        if entry.name == name:
            loaded: Callable[..., torch.nn.Module] = entry.load()
            return loaded
    raise SpecError(f"there is no builder called {name!r}; the builders are {', '.join(sorted(BUILDERS))}")
