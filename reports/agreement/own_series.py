"""Latencies of many models in one setting of the user's store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.reports.agreement.series import LEAST_MODELS, Latency, Series, by_network, network
from latency_bench.reports.atlas.own_runs import Run, latest_by_setting
from latency_bench.reports.paired_ratios import PairedRatios, PairedSpeedUp

Case = tuple[str, str]
"""A model's id and the size of its input."""


def own_series(rows: Iterable[Run], paired: PairedRatios) -> list[Series]:
    """One for each setting, of its latest runs at batch 1; `rows` are of the run table, latest first.

    What was measured as pairs with one model has the latency of that model's run times its ratio, for the order of
    models is what a series is for, and ratios know it best.
    """
    found = []
    for setting, runs in latest_by_setting(rows).items():
        by_pairs = _by_pairs(runs, paired)
        latencies = by_network(
            (network(model), size, by_pairs.get((model, size)) or _of_run(model, run))
            for (model, size), run in runs.items()
        )
        if len(latencies) >= LEAST_MODELS:
            found.append(Series(setting.label(), latencies, is_measured=True, paired=len(by_pairs)))
    return sorted(found, key=lambda series: series.name)


def _of_run(model: str, run: Run) -> Latency:
    ms = float(run["median_ms"])
    low, high = (float(ms if run[end] is None else run[end]) for end in ("low_ms", "high_ms"))
    return Latency(ms, low, high, model)


def _by_pairs(runs: Mapping[Case, Run], paired: PairedRatios) -> dict[Case, Latency]:
    """Relative to the case that most others were measured beside; nothing where there is none."""
    cases = {case: CaseKey.of_row(run) for case, run in runs.items()} if paired.found else {}
    anchor, ratios = max(
        ((case, _beside(key, cases, paired)) for case, key in cases.items()),
        key=lambda one: len(one[1]),
        default=(("", ""), {}),
    )
    if not ratios:
        return {}
    ms = float(runs[anchor]["median_ms"])
    latencies = {anchor: Latency(ms, ms, ms, anchor[0])}
    for case, ratio in ratios.items():
        latency = ms / ratio.speed_up
        low, high = (latency if end is None else ms / end for end in (ratio.high, ratio.low))
        latencies[case] = Latency(latency, low, high, case[0])
    return latencies


def _beside(anchor: CaseKey, cases: Mapping[Case, CaseKey], paired: PairedRatios) -> dict[Case, PairedSpeedUp]:
    found = {case: paired.found.get((key, anchor)) for case, key in cases.items() if key != anchor}
    return {case: ratio for case, ratio in found.items() if ratio is not None}
