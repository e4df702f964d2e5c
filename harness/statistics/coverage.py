"""How much of a measurement readings cover: what nobody watched cannot be vouched for.

A reading stands for the time around it, `REACH_S` each way: readings are taken once a second, and clocks and power of a
device under load change over seconds. Two of them that lie 5 s apart still touch, as a slow link or a busy host may
bring about; a longer gap is time in which nobody looked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

REACH_S = 2.5


def covered_s(times_s: npt.ArrayLike, begin_s: float, end_s: float, reach_s: float = REACH_S) -> float:
    """Seconds of [begin, end] that lie within `reach_s` of one of n times, in any order."""
    times = np.sort(np.asarray(times_s, dtype=np.float64))
    if times.size == 0 or end_s <= begin_s:
        return 0.0
    starts = np.clip(times - reach_s, begin_s, end_s)
    ends = np.clip(times + reach_s, begin_s, end_s)
    # Equal reaches keep the ends in the order of the starts: what the one before covers is taken off the next.
    starts[1:] = np.maximum(starts[1:], ends[:-1])
    return float(np.sum(np.maximum(ends - starts, 0.0)))
