"""A model's parameters and MACs, counted, beside the figures that the paper prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from latency_bench.model_specs.counting import Counts
from latency_bench.model_specs.known_counts import known_counts
from latency_bench.model_specs.spec import ModelSpec
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.papers.published_counts import published_counts

TOLERANCE_PCT = 3.0
"""The paper prints two or three digits, so that rounding alone is up to 2.5 % (1.5G may be 1.46)."""


@dataclass(frozen=True)
class CheckedModel:
    """Millions of parameters and 10^9 MACs. Published figures are None where the paper prints none."""

    id: str
    params_m: float
    params_published_m: float | None
    params_diff_pct: float | None
    macs_g: float
    macs_published_g: float | None
    macs_diff_pct: float | None
    ok: bool
    """Within 3 %, or the spec says why not."""
    reason: str | None
    """The spec's own words where a figure is off."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def check_model(spec: ModelSpec) -> CheckedModel:
    """Count on the meta device (no weights, no memory) and compare. Raises SpecError where the spec does not build."""
    from latency_bench.model_specs.counting import count

    return compare_counts(spec, count(spec))


def compare_known(spec: ModelSpec) -> CheckedModel | None:
    """By the counts that are kept of the models that ship here, which takes no time and no torch; None for others."""
    counts = known_counts(spec.id)
    return None if counts is None else compare_counts(spec, counts)


def compare_counts(spec: ModelSpec, counts: Counts) -> CheckedModel:
    """The spec's counts beside what is published of it."""
    params_m, macs_g = counts.params / 1e6, counts.macs / 1e9
    params_published_m, macs_published_g = _published(spec)
    params_diff_pct, macs_diff_pct = _diff_pct(params_m, params_published_m), _diff_pct(macs_g, macs_published_g)
    judged = [(params_diff_pct, spec.deviation.params), (macs_diff_pct, spec.deviation.macs)]
    off = [reason for diff_pct, reason in judged if diff_pct is not None and abs(diff_pct) > TOLERANCE_PCT]
    return CheckedModel(
        id=spec.id,
        params_m=params_m,
        params_published_m=params_published_m,
        params_diff_pct=params_diff_pct,
        macs_g=macs_g,
        macs_published_g=macs_published_g,
        macs_diff_pct=macs_diff_pct,
        ok=all(off),
        reason="; ".join(reason for reason in off if reason) or None,
    )


def _published(spec: ModelSpec) -> tuple[float | None, float | None]:
    """Millions of parameters and 10^9 MACs: of the paper's table, else of another source that the spec names."""
    if (counts := published_counts(default_paper(), spec.id)) is not None:
        return counts
    if spec.published_counts is not None:
        return spec.published_counts.params_m, spec.published_counts.macs_g
    return None, None


def _diff_pct(measured: float, published: float | None) -> float | None:
    return None if published is None else 100 * (measured / published - 1)
