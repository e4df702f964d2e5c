"""Ratios of attentions measured as pairs: every form beside the linear attention that it is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.pairs.pair_request import PairRequest
from latency_bench.harness.store.pair_record import PairRecord

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.rounds import Observer

WITHIN = 0.05
MAX_MINUTES = 5.0


@dataclass(frozen=True)
class Comparison:
    """One linear attention, and the forms that are compared with it: all of them are live at once."""

    linear: Case
    forms: tuple[Case, ...]


def measure_pairs(
    comparisons: Iterable[Comparison],
    known: Sequence[PairRecord],
    store: Path,
    command: Sequence[str],
    observer: Observer,
    *,
    within: float,
    max_minutes: float,
    order_seed: int,
    wait: bool,
) -> list[str]:
    """Every comparison that `known` does not answer, each stored as a pair. Returns a line for each that failed.

    Raises what `measure_pair` raises for a wrong request, or a device that another measurement has, unless `wait`.
    """
    from latency_bench.harness.pairs.pair_run import measure_pair

    failed = []
    for one in comparisons:
        forms = tuple(form for form in one.forms if not any(_answers(pair, one.linear, form, within) for pair in known))
        if not forms:
            continue
        names = ", ".join(form.spec.id for form in forms)
        observer.stage(f"{names} beside {one.linear.spec.id}")
        request = PairRequest((one.linear, *forms), within=within, max_minutes=max_minutes, seed=order_seed)
        record, _ = measure_pair(request, store, command, observer, wait)
        if record.failure is not None:
            failure = record.failure
            failed.append(f"{names} beside {one.linear.spec.id}: {failure.stage} ({failure.kind}): {failure.message}")
    return failed


def _answers(pair: PairRecord, linear: Case, form: Case, within: float) -> bool:
    """Whether it is of these two, and was asked for no less."""
    asked_within = pair.request["within"]
    if pair.status != "done" or not isinstance(asked_within, float) or asked_within > within:
        return False
    first, *others = (CaseKey.of_record(side) for side in pair.sides)
    asked = CaseKey.of_case(form)
    return first.answers(CaseKey.of_case(linear)) and any(other.answers(asked) for other in others)
