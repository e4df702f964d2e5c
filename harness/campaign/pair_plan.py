"""Which cases of a campaign are measured as pairs: each against the baseline that its speed-up is quoted over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from latency_bench.harness.campaign.campaign_plan import PairTerms, PlannedCase, PlannedPair


def planned_pairs(
    cases: Sequence[PlannedCase], baselines: Mapping[str, Iterable[str]], terms: PairTerms
) -> tuple[PlannedPair, ...]:
    """`baselines`: ids of models that a model's speed-up is quoted over. A pair is made of cases that have all else in
    common; where the baseline's own case is left out, there is none. Cases of throughput are no latencies."""
    by_request = {_asked(planned, planned.case.spec.id): planned for planned in cases}
    found = []
    for planned in cases:
        if planned.case.streams is not None:
            continue
        for model in dict.fromkeys(baselines.get(planned.case.spec.id, ())):
            baseline = by_request.get(_asked(planned, model))
            if baseline is not None and baseline is not planned:
                found.append(PlannedPair(baseline, planned, terms))
    return tuple(found)


def _asked(planned: PlannedCase, model: str) -> str:
    """All that was asked for, of another model: rounds may differ."""
    assert planned.request is not None
    return planned.request.model_copy(update={"model": model, "rounds": None}).model_dump_json()
