"""EfficientViT in half precision on natural images: near to float64, and as near as in the authors' form?

    scripts/half_precision.py --resolution 512 1024
    scripts/half_precision.py --trained-like --images 4 b1-seg
    scripts/half_precision.py --page                            only writes the page anew

For each network, over so many natural images: whether all outputs are finite in fp16 and bf16, their errors against
the same module in float64, with our attention and with the authors' (products in float32, K not scaled, a row
of ones beside V, 1e-15 added to the denominator); and the largest values inside, in float32. `--trained-like` draws
the scale of every channel of the norms log-normally, as training spreads them.

Each network is a line of docs/half-precision.jsonl and is not computed again for the same size and weights;
docs/half-precision.md is made of them. Those with few multiply-accumulates come first. The exit code is 1 where ours is
not finite, or is further from float64 than the authors' form, in the mean, by more than a tenth.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from kept_rows import append, read_rows
from markdown_lines import paragraph, table
from torch import Tensor, nn

from latency_bench.harness.export.inputs import NATURAL
from latency_bench.harness.export.reference import run_module, seeded_inputs
from latency_bench.harness.export.rounding import in_float64
from latency_bench.model_specs.architectures.efficientvit.attention import HeadAttention
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import list_specs, load_spec
from latency_bench.model_specs.known_counts import known_counts
from latency_bench.model_specs.spec import ModelSpec

Outputs = dict[str, Tensor]

ROOT = Path(__file__).parents[1]
ROWS, PAGE = ROOT / "docs" / "half-precision.jsonl", ROOT / "docs" / "half-precision.md"
TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
SEEDED, TRAINED_LIKE = "seeded", "trained-like"
_SLACK = 1.1
"""Two forms that are equally near differ by so much: they round other values."""
_SPREAD = 0.5
"""Standard deviation of the logarithm of the scales of trained norms."""
_FAMILIES = ("efficientvit-cls", "efficientvit-seg", "efficientvit-sam", "efficientvit-sr")
_SOFTMAX = "-softmax"
"""The ending of the twins that have no linear attention."""


@dataclass(frozen=True)
class Row:
    """A network at one size: of its images the worst."""

    model: str
    size: str
    weights: str
    images: int
    finite: dict[str, bool]
    """By precision: every output of ours."""
    ours: dict[str, float]
    """By precision: the root mean square error over that of the outputs."""
    authors: dict[str, float]
    """The same with the authors' form of attention."""
    largest: dict[str, float]
    """By precision: the largest error of ours over the largest output."""
    largest_of_authors: dict[str, float]
    convolution: float
    """The largest magnitude of a convolution's output, in float32, as those below."""
    tokens: float
    """Of Q, K and V."""
    key_value: float
    """Of K^T V summed over all tokens, K not scaled."""
    numerator: float
    """Of Q (K^T V)."""

    @property
    def case(self) -> tuple[str, str, str]:
        return self.model, self.size, self.weights

    @property
    def holds(self) -> bool:
        return all(self.finite[name] and self.ours[name] <= _SLACK * self.authors[name] for name in self.ours)


def main() -> int:
    arguments = _arguments()
    until_s = time.monotonic() + 60 * arguments.minutes
    weights = TRAINED_LIKE if arguments.trained_like else SEEDED
    done = {row.case for row in read_rows(ROWS, Row)}
    for model in [] if arguments.page else arguments.models or networks():
        spec = load_spec(model)
        spec = spec.at(tuple(arguments.resolution)) if arguments.resolution else spec
        if time.monotonic() > until_s:
            break
        if (model, _size(spec), weights) not in done:
            row = computed(spec, weights, arguments.images)
            append(ROWS, row)
            print(*vars(row).values(), sep="\t", flush=True)
    rows = read_rows(ROWS, Row)
    PAGE.write_text(page(rows), encoding="utf-8")
    failing = [row.case for row in rows if not row.holds]
    print(f"{len(failing)} of {len(rows)} do not hold", *failing, file=sys.stderr)
    return 1 if failing else 0


@torch.no_grad()
def computed(spec: ModelSpec, weights: str, images: int) -> Row:
    """The network of `spec` on so many natural images, drawn from the seeds 0, 1, ..."""
    inputs = [seeded_inputs(spec, 1, seed, NATURAL) for seed in range(images)]
    module = build_network(spec, weights)
    with _Largest(module) as largest:
        for single in inputs:
            run_module(module, spec, single)
    with in_float64(module):
        exact = [run_module(module, spec, _as(single, torch.float64)) for single in inputs]
    halves = {name: _halves(spec, copy.deepcopy(module).to(dtype), inputs, dtype) for name, dtype in TYPES.items()}
    finite = {name: all(map(_is_finite, ours)) for name, (ours, _) in halves.items()}
    errors = [
        {name: max(map(error, exact, sides[side])) for name, sides in halves.items()}
        for error in (_mean_error, _largest_error)
        for side in (0, 1)
    ]
    return Row(spec.id, _size(spec), weights, images, finite, *errors, **largest.values)


def _halves(
    spec: ModelSpec, module: nn.Module, inputs: Sequence[Outputs], dtype: torch.dtype
) -> tuple[list[Outputs], list[Outputs]]:
    """The outputs with our form of attention and with the authors'."""
    ours = [run_module(module, spec, _as(single, dtype)) for single in inputs]
    for attention in _attentions(module):
        attention.formula = authors_form
    return ours, [run_module(module, spec, _as(single, dtype)) for single in inputs]


def authors_form(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Linear attention as the authors' module computes it. Tokens as columns: (B, d, N) each -> (B, d, N)."""
    dtype = v.dtype
    q, k, v = F.relu(q).float(), F.relu(k).float(), F.pad(v.float(), (0, 0, 0, 1), value=1.0)
    product = (v @ k.mT) @ q
    return (product[..., :-1, :] / (product[..., -1:, :] + 1e-15)).to(dtype)


def networks() -> list[str]:
    """Ids of EfficientViT's networks with linear attention, each structure once, the smallest first."""
    structures = {}
    for spec in list_specs():
        if spec.family in _FAMILIES and not spec.id.endswith(_SOFTMAX):
            structures.setdefault((spec.builder, repr(spec.arguments)), spec.id)
    counts = {model: known_counts(model) for model in structures.values()}
    return sorted(counts, key=lambda model: counts[model].macs if counts[model] else 0)


class _Largest:
    """The largest magnitudes inside a module, of all that it computes in a `with`."""

    def __init__(self, module: nn.Module) -> None:
        self.values = {"convolution": 0.0, "tokens": 0.0, "key_value": 0.0, "numerator": 0.0}
        self._module = module

    def __enter__(self) -> _Largest:
        convolutions = [part for part in self._module.modules() if isinstance(part, nn.Conv2d)]
        self._hooks = [part.register_forward_hook(self._see_convolution) for part in convolutions]
        self._hooks += [part.register_forward_hook(self._see_attention) for part in _attentions(self._module)]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _see_convolution(self, _: nn.Module, __: object, output: Tensor) -> None:
        self._raise("convolution", output)

    def _see_attention(self, attention: HeadAttention, inputs: tuple[Tensor], _: Tensor) -> None:
        (qkv,) = inputs
        q, k, v = qkv.flatten(2).unflatten(1, (-1, 3 * attention.head_dim)).split(attention.head_dim, dim=2)
        key_value = v @ F.relu(k).mT
        self._raise("tokens", qkv)
        self._raise("key_value", key_value)
        self._raise("numerator", key_value @ F.relu(q))

    def _raise(self, name: str, tensor: Tensor) -> None:
        self.values[name] = max(self.values[name], float(tensor.abs().max()))


def _attentions(module: nn.Module) -> list[HeadAttention]:
    return [part for part in module.modules() if isinstance(part, HeadAttention)]


def build_network(spec: ModelSpec, weights: str) -> nn.Module:
    module = build_module(spec)
    if weights == TRAINED_LIKE:
        generator = torch.Generator().manual_seed(1)
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d | nn.LayerNorm):
                norm.weight.mul_(torch.exp(_SPREAD * torch.randn(norm.weight.shape, generator=generator)))
    return module


def _as(inputs: Outputs, dtype: torch.dtype) -> Outputs:
    return {name: tensor.to(dtype) for name, tensor in inputs.items()}


def _is_finite(outputs: Outputs) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in outputs.values())


def _mean_error(exact: Outputs, outputs: Outputs) -> float:
    return _worst(exact, outputs, lambda tensor: tensor.square().mean().sqrt())


def _largest_error(exact: Outputs, outputs: Outputs) -> float:
    return _worst(exact, outputs, lambda tensor: tensor.abs().max())


def _worst(exact: Outputs, outputs: Outputs, measure: Callable[[Tensor], Tensor]) -> float:
    """Of the outputs, the largest error as a share. Infinite where one is not finite."""
    shares = [float(measure(outputs[name].double() - tensor) / measure(tensor)) for name, tensor in exact.items()]
    return max(float("inf") if math.isnan(share) else share for share in shares)


def _size(spec: ModelSpec) -> str:
    return "x".join(map(str, spec.resolution))


def page(rows: Sequence[Row]) -> str:
    """Errors, then ranges, one line a network, size and kind of weights."""
    ordered = sorted(rows, key=lambda row: (row.weights, _pixels(row), row.model))
    networks_ = len({row.model for row in rows})
    lines = ["# EfficientViT in half precision", ""]
    lines += paragraph(
        "The networks in float16 and bfloat16 on natural images ([method](method.md)), by PyTorch on a CPU that"
        " computes in both: whether every output is finite, and the error against the same module in float64. The error"
        " is the root mean square over that of the outputs; in brackets stands the largest, over the largest output."
        " *Ours* keeps the products of the linear attention in float32 and scales K by N^-1/2. *Authors* is the same"
        " network with the form of the authors' code: products in float32, K as it is, 1e-15 added to the denominator."
        " Networks that differ in their usual image size alone are one. *Trained-like* weights have the scales of their"
        " norms spread as training spreads them (log-normally, standard deviation 0.5 of the logarithm)."
        " `python scripts/half_precision.py` adds what is missing to docs/half-precision.jsonl and writes this page."
    )
    lines += paragraph(
        f"{networks_} networks in {len(rows)} lines. In {sum(row.holds for row in rows)} of them every output is"
        " finite, and in the mean as near to float64 as in the authors' form (within a tenth), or nearer."
    )
    waiting = [network for network in networks() if network not in {row.model for row in rows}]
    if waiting:
        lines += paragraph(f"Not computed yet: {', '.join(f'`{network}`' for network in waiting)}.")
    headings = ["network", "size", "weights", "images", "finite"]
    headings += [f"{precision}, {side}" for precision in TYPES for side in ("ours", "authors")]
    lines += table(
        headings,
        [
            [*_named(row), str(row.images), "yes" if all(row.finite.values()) else "**no**"]
            + [
                f"{mean[precision]:.2e} ({largest[precision]:.1e})"
                for precision in TYPES
                for mean, largest in ((row.ours, row.largest), (row.authors, row.largest_of_authors))
            ]
            for row in ordered
        ],
    )
    lines.append("")
    lines += paragraph(
        "In fp32, and so with LiteRT, the products in float32 cost nothing: both forms are the same graph. What they"
        " cost in half precision by PyTorch and ONNX Runtime is measured as pairs"
        " ([benchmarks](benchmarks.md#products-of-the-linear-attention-in-float32))."
    )
    lines += ["## Ranges of activations"]
    lines += paragraph(
        "The largest magnitudes on these images, in float32. float16 ends at 65,504, and a product above that cannot be"
        " kept in it. K^T V and Q (K^T V) are sums over all tokens, with K not scaled."
    )
    lines += table(
        ["network", "size", "weights", "a convolution's output", "Q, K, V", "K^T V", "Q (K^T V)"],
        [
            [*_named(row), *map(_magnitude, (row.convolution, row.tokens, row.key_value, row.numerator))]
            for row in ordered
        ],
    )
    return "\n".join(lines) + "\n"


def _named(row: Row) -> list[str]:
    return [f"`{row.model}`", row.size, row.weights]


def _magnitude(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _pixels(row: Row) -> int:
    height, width = map(int, row.size.split("x"))
    return height * width


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare half precision with float64 on natural images.")
    parser.add_argument("models", nargs="*", help="ids; none: every EfficientViT network with linear attention")
    parser.add_argument("--resolution", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"), help="default: the models' own")
    parser.add_argument("--images", type=int, default=2, help="natural images, drawn from seeds 0, 1, ...")
    parser.add_argument("--trained-like", action="store_true", help="spread the scales of norms as training does")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no network is begun after so many")
    parser.add_argument("--page", action="store_true", help="compute nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
