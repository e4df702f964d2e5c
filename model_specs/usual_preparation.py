"""The preparation of photographs that is taken for a model: its spec's own, else what is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latency_bench.model_specs.preparation import Interpolation, Preparation, Resize

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

_NOT_KNOWN = "the usual one of {task} networks; how its authors prepare images is not declared in its spec"
_USUAL: dict[str, tuple[Resize, float | None]] = {
    "segmentation": ("stretch", None),
    "detection": ("pad", None),
    "super-resolution": ("tiles", None),
    "segment-anything": ("pad", None),
}


def preparation_of(spec: ModelSpec) -> Preparation:
    """What the spec declares; of timm's models what their configuration says; else what is usual for the task."""
    if spec.preparation is not None:
        return spec.preparation
    if spec.builder == "timm" and "name" in spec.arguments:
        return _of_timm(str(spec.arguments["name"]))
    resize, share = _USUAL.get(spec.task, ("crop", 0.875))
    return Preparation(resize=resize, crop_share=share, source=_NOT_KNOWN.format(task=spec.task))


def _of_timm(name: str) -> Preparation:
    import timm

    configuration = timm.get_pretrained_cfg(name)
    interpolation: Interpolation = (
        "bilinear" if getattr(configuration, "interpolation", "") == "bilinear" else "bicubic"
    )
    return Preparation(
        crop_share=getattr(configuration, "crop_pct", None) or 0.875,
        interpolation=interpolation,
        source=f"timm {timm.__version__}'s configuration of {name}",
    )
