"""What a device is calibrated with: specs like any other, whose time arithmetic alone or memory alone decides.

They measure what the roofline model (Williams, Waterman & Patterson, "Roofline: an insightful visual performance model
for multicore architectures", CACM 52, 2009) needs of a device: peak multiply-accumulates and peak bytes a second, as a
runtime reaches them. The ids begin with `calibration-`; they are no part of the list of models.
"""

from __future__ import annotations

import difflib
from typing import Any

from latency_bench.model_specs.errors import UnknownModelError
from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance

PREFIX = "calibration-"
PRODUCTS = tuple(f"{PREFIX}matmul-{size}" for size in (512, 1024, 2048, 4096))
"""Matrix products, each 8 times the one before."""
CONVOLUTIONS = tuple(f"{PREFIX}conv-{channels}" for channels in (128, 256, 512))
"""3x3 convolutions, each 16 times the one before. Runtimes that compute them with fewer multiplications than they count
(Winograd) reach more than with products; the roofline has to hold for networks that gain the same."""
SUMS = tuple(f"{PREFIX}add-{mebibytes}m" for mebibytes in (128, 32, 8))
"""Sums of two tensors of so many MiB in fp32, the largest first: 384 MiB of traffic fit no cache that we know of."""
_LAYERS = 2
_SIDE_OF_CHANNELS = {128: 28, 256: 56, 512: 112}


def calibration_spec(model_id: str) -> ModelSpec:
    """The spec of `calibration-matmul-N`, `calibration-conv-CHANNELS` or `calibration-add-MEBIBYTESm`, one of those
    above. Raises UnknownModelError for another."""
    known = (*PRODUCTS, *CONVOLUTIONS, *SUMS)
    if model_id not in known:
        near = difflib.get_close_matches(model_id, known, n=1, cutoff=0.0)
        raise UnknownModelError(
            f"there is no calibration called {model_id!r}; there are {', '.join(known)}; nearest: {near[0]}"
        )
    kind, _, size = model_id[len(PREFIX) :].partition("-")
    if kind == "matmul":
        return _products(model_id, int(size))
    if kind == "conv":
        return _convolutions(model_id, int(size))
    return _sum(model_id, int(size.rstrip("m")))


def _products(model_id: str, size: int) -> ModelSpec:
    return _spec(
        model_id,
        title=f"Calibration: {_LAYERS} products of {size}x{size} matrices",
        builder="calibration.products",
        arguments={"size": size, "layers": _LAYERS},
        inputs=(InputSpec(name="matrix", shape=(size, size)),),
        output="product",
    )


def _convolutions(model_id: str, channels: int) -> ModelSpec:
    side = _SIDE_OF_CHANNELS[channels]
    return _spec(
        model_id,
        title=f"Calibration: {_LAYERS} 3x3 convolutions, {channels} channels, {side}x{side}",
        builder="calibration.convolutions",
        arguments={"channels": channels, "layers": _LAYERS},
        inputs=(InputSpec(name="image", shape=(channels, side, side)),),
        output="features",
    )


def _sum(model_id: str, mebibytes: int) -> ModelSpec:
    # Rows of 1024: runtimes index a dimension with 32 bits, and kernels split work along the outer one.
    shape = (mebibytes * 256, 1024)
    return _spec(
        model_id,
        title=f"Calibration: sum of two tensors of {mebibytes} MiB",
        builder="calibration.sum",
        arguments={},
        inputs=(InputSpec(name="a", shape=shape), InputSpec(name="b", shape=shape)),
        output="total",
    )


def _spec(
    model_id: str, *, title: str, builder: str, arguments: dict[str, Any], inputs: tuple[InputSpec, ...], output: str
) -> ModelSpec:
    return ModelSpec(
        id=model_id,
        family="calibration",
        title=title,
        task="generic",
        builder=builder,
        arguments=arguments,
        inputs=inputs,
        outputs=(OutputSpec(name=output),),
        provenance=Provenance(paper="none", code="own", license="Apache-2.0"),
    )
