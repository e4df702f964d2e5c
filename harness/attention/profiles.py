"""Where the time of the largest attentions goes, by kind of operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from latency_bench.harness.attention.attention_plan import Group, Planned

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.rounds import Observer
    from latency_bench.harness.statistics.layer_shares import LayerShare

REQUESTS = 10
KINDS: dict[str, tuple[str, ...]] = {
    "fused attention": ("scaled_dot_product", "flash", "fmha", "mha", "sdpa"),
    "softmax": ("softmax",),
    "projections and aggregation": ("conv", "fully connected", "fully_connected"),
    "matrix products": ("bmm", "matmul", "matrix multiply", "gemm", "addmm", "::mm", "einsum"),
    "transpose and copy": (
        "copy", "transpose", "permute", "contiguous", "clone", "cat", "reorder", "reformat", "reshape", "slice",
        "split",
    ),
    "elementwise and sums": (
        "mul", "add", "div", "relu", "clamp", "clip", "max", "sum", "mean", "reduce", "swish", "elementwise", "unary",
        "binary", "prelu", "sub", "norm",
    ),
}  # fmt: skip
"""Words in the names that runtimes give their operators, the first that fits decides."""


def kind_of(operator: str) -> str:
    """The kind of an operator or kernel by its name; `other` where no word fits."""
    name = operator.lower()
    return next((kind for kind, words in KINDS.items() if any(word in name for word in words)), "other")


def by_kind(layers: Iterable[LayerShare]) -> dict[str, float]:
    """Shares of the time, from 0 to 1, the largest first."""
    shares: dict[str, float] = {}
    for layer in layers:
        kind = kind_of(layer.operator)
        shares[kind] = shares.get(kind, 0.0) + layer.share
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def operator_shares(
    groups: Sequence[Group], make_case: Callable[[Planned], Case], observer: Observer
) -> tuple[list[tuple[str, dict[str, float]]], list[str]]:
    """(what, shares by kind) of every member of the last group, the largest, in runs of their own that are not stored;
    and a line for each that could not be profiled, which needs more memory than a run does.
    """
    from latency_bench.devices.errors import DeviceError
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.profiling import profile_case

    found, lost = [], []
    for member in groups[-1].members if groups else ():
        height, width = member.spec.resolution
        name = f"{member.spec.id} at {height}x{width}" + (f" ({member.kernel})" if member.kernel else "")
        try:
            found.append((name, by_kind(profile_case(make_case(member), REQUESTS, observer))))
        except (DeviceError, UsageError) as error:
            lost.append(f"{name} could not be profiled: {error}")
    return found, lost
