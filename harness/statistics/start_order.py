"""Takes out of paired log ratios what the order of starting did to them.

Whoever starts second finds other memory than whoever started first, and a process keeps its luck with memory for as
long as it lives. The order goes round from pair to pair, so that this falls on both sides alike and leaves the centre
where it is; but it spreads the pairs, and the interval with them. Both orders' pairs are therefore moved to a common
centre, as blocks are before signed ranks are taken (aligned ranks: Hodges & Lehmann, Annals of Mathematical Statistics
33, 1962).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS
from latency_bench.harness.statistics.signed_rank import hodges_lehmann

_LEAST_OF_AN_ORDER = 3
"""Of fewer pairs a centre is hardly more than one of them."""


def without_start_order(log_ratios: Sequence[float], later: Sequence[bool]) -> tuple[float, ...]:
    """One log ratio a pair of processes, with the same centre for either order of starting: the mean of the two orders'
    Hodges-Lehmann centres, both of which count the same.

    `later`: whether the side's process was started after that of the first side, one a pair, or empty where there was
    no order. As they are below ten pairs, which have no verdict, and with fewer than three of an order. The second
    centre costs a degree of freedom, which the spread is widened by. Raises ValueError where the lengths differ.
    """
    centres = _centres(log_ratios, later)
    if centres is None:
        return tuple(log_ratios)
    when_later, when_earlier = centres
    values = np.asarray(log_ratios, dtype=np.float64)
    from_centre = values - np.where(later, when_later, when_earlier)
    widened = from_centre * math.sqrt((values.size - 1) / (values.size - 2))
    return tuple(((when_later + when_earlier) / 2 + widened).tolist())


def start_order_effect(log_ratios: Sequence[float], later: Sequence[bool]) -> float | None:
    """What starting first costs: a side's latency over what it would have been had its process started second, as a
    ratio; 1.02 is 2 %. None where `without_start_order` leaves the ratios as they are."""
    centres = _centres(log_ratios, later)
    return None if centres is None else math.exp((centres[1] - centres[0]) / 2)


def _centres(log_ratios: Sequence[float], later: Sequence[bool]) -> tuple[float, float] | None:
    """Of the pairs in which the side started later, and of the others; None where there are too few of either."""
    values, second = np.asarray(log_ratios, dtype=np.float64), np.asarray(later, dtype=np.bool_)
    if second.size == 0 or values.size < LEAST_PAIRS or min(second.sum(), (~second).sum()) < _LEAST_OF_AN_ORDER:
        return None
    if second.size != values.size:
        raise ValueError(f"{values.size} log ratios and {second.size} orders of starting")
    return hodges_lehmann(values[second]), hodges_lehmann(values[~second])
