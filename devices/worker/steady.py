"""Is the warm-up over? Two adjacent windows of latencies have to agree.

The rule is pyperf's (Stinner, pyperf/_worker.py, test_calibrate_warmups): quartiles within 5 %, the median absolute
deviation (MAD) within 10 %. It differs from it in three points:

- Any window is compared by its quartiles, the median among them, and not by its mean, so that one stray request of a
  busy machine does not prolong the warm-up.
- The MAD of ten samples has itself a spread of about 40 %, so two windows of a perfectly steady process would hardly
  ever agree within 10 %, and those of a quantised clock have a MAD of 0. A difference of less than 1 % of the median, a
  fifth of what the quartiles may differ by, therefore counts as agreement too.
- Windows grow with the warm-up, to a quarter of what was sampled: a fast model's ten samples last less than a
  millisecond and would not see a clock that takes a second to ramp up.
"""

from typing import Optional, Sequence

from .job import WarmupBounds

QUARTILE_TOLERANCE = 0.05
MAD_TOLERANCE = 0.10
MAD_NEGLIGIBLE = 0.01
"""Of the median."""
_LARGEST_WINDOW = 1000

STEADY = "steady"
FLOORS = "floors"
MAX_COUNT = "max_count"
MAX_NS = "max_ns"


def windows_agree(earlier: Sequence[int], later: Sequence[int]) -> bool:
    """Whether two windows of latencies, in any unit, have the same quartiles and the same spread."""
    first, second = sorted(earlier), sorted(later)
    for fraction in (0.25, 0.5, 0.75):
        reference = quantile(second, fraction)
        if abs(quantile(first, fraction) - reference) > QUARTILE_TOLERANCE * reference:
            return False
    first_mad, second_mad = _mad(first), _mad(second)
    allowed = max(MAD_TOLERANCE * max(first_mad, second_mad), MAD_NEGLIGIBLE * quantile(second, 0.5))
    return abs(first_mad - second_mad) <= allowed


class WarmupEnd:
    """Decides after every request whether the warm-up ends, and why.

    Not before the floors, and never past `max_ns`. `max_count` counts requests after `min_ns` is over: three hundred
    requests of a fast model are a few milliseconds, too short for a clock to ramp up and for more than one look.
    """

    def __init__(self, bounds: WarmupBounds) -> None:
        self._bounds = bounds
        self._next_check = max(bounds.min_count, 2 * bounds.window)
        self._count_at_floor: Optional[int] = None

    def reason(self, latency_ns: Sequence[int], count: int, elapsed_ns: int) -> Optional[str]:
        bounds = self._bounds
        if elapsed_ns >= bounds.min_ns and self._count_at_floor is None:
            # The request during which the floor was crossed counts already.
            self._count_at_floor = max(0, count - 1)
        floors_met = count >= bounds.min_count and self._count_at_floor is not None
        if floors_met and not bounds.window:
            return FLOORS
        if floors_met and count >= self._next_check:
            window = max(bounds.window, min(count // 4, _LARGEST_WINDOW))
            if windows_agree(latency_ns[count - 2 * window : count - window], latency_ns[count - window : count]):
                return STEADY
            self._next_check = count + max(1, min(window // 2, bounds.max_count // 10))
        # A cold request that took longer than all of the warm-up may has warmed up whatever can be.
        if elapsed_ns >= bounds.max_ns or (count == 1 and latency_ns[0] >= bounds.max_ns):
            return MAX_NS
        if self._count_at_floor is not None and count - self._count_at_floor >= bounds.max_count:
            return MAX_COUNT
        return None


def quantile(ascending: Sequence[float], fraction: float) -> float:
    """Linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996; numpy's default)."""
    position = fraction * (len(ascending) - 1)
    below = int(position)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (position - below) * (ascending[above] - ascending[below])


def _mad(ascending: Sequence[float]) -> float:
    centre = quantile(ascending, 0.5)
    return quantile(sorted(abs(value - centre) for value in ascending), 0.5)
