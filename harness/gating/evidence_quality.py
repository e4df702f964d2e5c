"""What makes a stored run no proof that anything is fine: something else used the machine, or it did not keep still."""

from __future__ import annotations

from collections.abc import Iterable

from latency_bench.harness.statistics.flags import FlagKind
from latency_bench.harness.store.record import RunRecord

_DISTURBED = (FlagKind.FOREIGN_LOAD, FlagKind.THROTTLED)


def disturbances(records: Iterable[RunRecord]) -> tuple[str, ...]:
    """What disturbed these runs, in the words of their status and flags; empty where nothing did."""
    signs: list[str] = []
    for record in records:
        if record.status == "unstable":
            signs.append("unstable")
        signs += [flag.name for flag in record.flags if flag.name in {kind.value for kind in _DISTURBED}]
        if record.verdicts.get("throttled") == "yes":
            signs.append(FlagKind.THROTTLED.value)
    return tuple(dict.fromkeys(signs))
