"""Is a number plausible? A run among what others published of the nearest kind of device, in words that claim no more
than the data bear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from latency_bench.harness.number_text import decimals_for
from latency_bench.reports.atlas.looking_up import timm_name
from latency_bench.reports.atlas.own_runs import Run, kind_of
from latency_bench.reports.atlas.published_run import PublishedRun, published_runs
from latency_bench.reports.atlas.relation import Relation, relation

Key = tuple[str, str]
"""timm's name of a network, and the size of its input."""
_SLOWER = "check threads, precision, and whether a part of the model fell back to slower kernels"
_QUICKER = "check that a whole request was timed and that the outputs agree"
_LEAST_OF_KIND = 20
_DIGITS = 2


@dataclass(frozen=True)
class Plausibility:
    """Where a run lies, and what follows."""

    words: str
    platform: str | None = None
    """The published platform that it is set beside."""
    relation: Relation | None = None
    excess: float | None = None
    """By which factor it lies outside what is expected; 1 where inside."""


def plausibility(run: Run, own: Mapping[tuple[str, str], Run]) -> Plausibility:
    """`own`: latest runs of the same setting by (model, size) (own_runs.py). The run itself is left out of the relation
    that it is held against."""
    own_ms = {
        (name, size): float(row["median_ms"])
        for (model, size), row in own.items()
        if (name := timm_name(model)) is not None
    }
    name = timm_name(run["model"])
    key = None if name is None else (name, f"{run['height']:g}x{run['width']:g}")
    others = {model: ms for model, ms in own_ms.items() if model != key}
    nearest = _nearest(kind_of(run), others, key)
    if nearest is None or key is None:
        return _by_macs(run)
    platform, found, published_ms = nearest
    return _in_words(float(run["median_ms"]) / published_ms, platform, found)


def _in_words(ratio: float, platform: str, found: Relation) -> Plausibility:
    related = (
        f"on {found.models} common models a latency here is {_number(found.ratio)} times "
        f"[{_number(found.low)}, {_number(found.high)}] that of {platform}"
    )
    excess = found.excess(ratio)
    if excess == 1.0:
        here = (
            f"this model, at {_number(ratio)} times, lies within what these models spread over "
            f"({_number(found.least)} to {_number(found.most)})"
        )
    elif excess > 1:
        here = f"this model is {_number(excess)} times slower than that relation predicts: {_SLOWER}"
    else:
        here = f"this model is {_number(1 / excess)} times quicker than that relation predicts: {_QUICKER}"
    return Plausibility(f"{related}; {here}", platform, found, excess)


def _nearest(kind: str, own_ms: Mapping[Key, float], key: Key | None) -> tuple[str, Relation, float] | None:
    """Of the platforms of a kind that have the model, the one with which most models are in common; of equal ones the
    one with the least spread."""
    if key is None:
        return None
    best: tuple[tuple[int, float], str, Relation, float] | None = None
    for platform, latencies in _platforms(kind).items():
        if key not in latencies or (found := relation(own_ms, latencies)) is None:
            continue
        rank = (-found.models, found.most / found.least)
        if best is None or rank < best[0]:
            best = (rank, platform, found, latencies[key])
    return None if best is None else best[1:]


@cache
def _platforms(kind: str) -> dict[str, dict[Key, float]]:
    """By platform of a kind, milliseconds at batch 1 by model and size; of several figures the first."""
    found: dict[str, dict[Key, float]] = {}
    for published in _of_kind(kind):
        if published.timm and published.resolution and published.ms is not None:
            found.setdefault(published.platform, {}).setdefault((published.timm, published.resolution), published.ms)
    return found


def _of_kind(kind: str) -> Iterable[PublishedRun]:
    return (run for run in published_runs() if run.kind == kind)


def _by_macs(run: Run) -> Plausibility:
    """Without enough common models: time per multiply-accumulate among published ones of the kind. Networks differ in
    it by an order of magnitude, and the words say so."""
    kind = kind_of(run)
    per_mac = sorted(one.ms / one.macs_g for one in _of_kind(kind) if one.ms is not None and one.macs_g)
    macs = run["macs"]
    if not macs or len(per_mac) < _LEAST_OF_KIND:
        return Plausibility("too little is published of this model and kind of device to place the number")
    own = float(run["median_ms"]) / (macs / 1e9)
    low, high = per_mac[len(per_mac) // 20], per_mac[-1 - len(per_mac) // 20]
    where = "within" if low <= own <= high else "above" if own > high else "below"
    return Plausibility(
        f"too few common models for a relation; {_number(own)} ms for 10^9 MACs lie {where} the middle 90 % of "
        f"{len(per_mac)} published measurements on a {kind} ({_number(low)} to {_number(high)}), which networks of "
        "different kinds spread over widely"
    )


def _number(value: float) -> str:
    return f"{value:.{decimals_for(value, _DIGITS)}f}"
