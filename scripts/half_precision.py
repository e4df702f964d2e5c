"""Half precision of the EfficientViT networks on natural images: near to float64, and as near as the authors' form?

scripts/half_precision.py --models b1-seg --images 4
scripts/half_precision.py --resolution 256 512 --precision fp16

For each model and precision, over so many natural images: whether all outputs are finite; the largest error against the
same module in float64 over the largest output, with our attention and with the authors' (products in float32, K not
scaled, a sum of ones beside V, 1e-15 added to the denominator); and the largest magnitude of an activation inside, by
kind of module, in fp32. `--trained-like` draws the scale of every channel of the norms log-normally, as training
spreads them. Printed as tab-separated values; the exit code is 1 where ours is not finite, or further from float64 than
the authors' by more than a tenth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latency_bench.harness.export.inputs import NATURAL
from latency_bench.harness.export.reference import run_module, seeded_inputs
from latency_bench.harness.export.rounding import in_float64
from latency_bench.model_specs.architectures.efficientvit.attention import HeadAttention
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import list_specs, load_spec
from latency_bench.model_specs.spec import ModelSpec

_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
_SLACK = 1.1
_SPREAD = 0.5
"""Standard deviation of the logarithm of the scales of trained norms."""
_WATCHED = (nn.Conv2d, HeadAttention)


def main() -> int:
    arguments = _arguments()
    print("model", "size", "precision", "finite", "ours", "authors", "largest_conv", "largest_attention", sep="\t")
    wrong = 0
    for model_id in arguments.models or _efficientvit_ids():
        spec = load_spec(model_id)
        spec = spec.at(tuple(arguments.resolution)) if arguments.resolution else spec
        for precision in arguments.precision or _DTYPES:
            wrong += _compare(spec, precision, arguments.images, arguments.trained_like)
    return 1 if wrong else 0


def _compare(spec: ModelSpec, precision: str, images: int, trained_like: bool) -> bool:
    """One line; whether something is wrong with it."""
    ours, theirs = 0.0, 0.0
    finite, largest = True, dict.fromkeys(_WATCHED, 0.0)
    for image in range(images):
        inputs = seeded_inputs(spec, 1, image, NATURAL)
        module = _module(spec, trained_like)
        with in_float64(module):
            exact = run_module(module, spec, {name: tensor.double() for name, tensor in inputs.items()})
        _watch(module, spec, inputs, largest)
        half = {name: tensor.to(_DTYPES[precision]) for name, tensor in inputs.items()}
        module = module.to(_DTYPES[precision])
        computed = run_module(module, spec, half)
        finite &= all(bool(tensor.isfinite().all()) for tensor in computed.values())
        ours = max(ours, _error(exact, computed))
        for attention in module.modules():
            if isinstance(attention, HeadAttention):
                attention.formula = _authors_form
        theirs = max(theirs, _error(exact, run_module(module, spec, half)))
    size = "x".join(map(str, spec.resolution))
    print(
        spec.id, size, precision, finite, f"{ours:.2e}", f"{theirs:.2e}",
        f"{largest[nn.Conv2d]:.3g}", f"{largest[HeadAttention]:.3g}", sep="\t", flush=True,
    )  # fmt: skip
    return not finite or not ours <= _SLACK * theirs


def _authors_form(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Tokens as columns, (B, d, N)."""
    dtype = v.dtype
    q, k, v = F.relu(q).float(), F.relu(k).float(), F.pad(v.float(), (0, 0, 0, 1), value=1.0)
    product = (v @ k.mT) @ q
    return (product[..., :-1, :] / (product[..., -1:, :] + 1e-15)).to(dtype)


def _module(spec: ModelSpec, trained_like: bool) -> nn.Module:
    module = build_module(spec)
    if trained_like:
        generator = torch.Generator().manual_seed(1)
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d | nn.LayerNorm):
                norm.weight.mul_(torch.exp(_SPREAD * torch.randn(norm.weight.shape, generator=generator)))
    return module


def _watch(module: nn.Module, spec: ModelSpec, inputs: dict[str, Tensor], largest: dict[type, float]) -> None:
    """Raise `largest` to the largest magnitude that a module of each kind puts out, in fp32."""

    def note(kind: type) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(_: nn.Module, __: object, output: Tensor) -> None:
            largest[kind] = max(largest[kind], float(output.abs().max()))

        return hook

    hooks = [
        part.register_forward_hook(note(kind)) for part in module.modules() for kind in _WATCHED if type(part) is kind
    ]
    run_module(module, spec, inputs)
    for hook in hooks:
        hook.remove()


def _error(exact: dict[str, Tensor], computed: dict[str, Tensor]) -> float:
    return max(
        float((computed[name].double() - tensor).abs().max() / tensor.abs().max()) for name, tensor in exact.items()
    )


def _efficientvit_ids() -> list[str]:
    return [
        spec.id for spec in list_specs() if spec.family.startswith("efficientvit") and not spec.id.endswith("softmax")
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare half precision with float64 on natural images.")
    parser.add_argument("--models", nargs="*", help="ids; none: every EfficientViT network")
    parser.add_argument("--resolution", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"), help="default: the models' own")
    parser.add_argument("--precision", nargs="*", choices=list(_DTYPES), help="default: both")
    parser.add_argument("--images", type=int, default=2, help="natural images, drawn from seeds 0, 1, ...")
    parser.add_argument("--trained-like", action="store_true", help="spread the scales of norms as training does")
    return parser.parse_args()


if __name__ == "__main__":
    with torch.no_grad():
        sys.exit(main())
