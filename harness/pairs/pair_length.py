"""How long the next pair of processes alternates, and whether there is time for it at all."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from latency_bench.harness.pairs.pair_data import PairMeasured, ProcessPair
from latency_bench.harness.statistics.pair_components import best_seconds, components
from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS

FIRST_S = 3.0
"""Of the first pair, before anything is known of its noise."""
MOST_S = 60.0


class PairLength:
    """`least_s`: what a pair takes at the very least to have a ratio; `usual_s`: what it takes to know the noise within
    it, too, which is worth its time only as far as ten pairs are left with enough; `most_s`: for all pairs together."""

    def __init__(self, least_s: float, usual_s: float, most_s: float) -> None:
        self._least_s = least_s
        self._usual_s = usual_s
        self._most_s = most_s

    def seconds(self, measured: PairMeasured, elapsed_s: float) -> float:
        """For the next pair: what makes the ratio's variance fall fastest, as far as ten pairs find time altogether."""
        pairs = measured.pairs
        start_s = self._start_s(pairs)
        left = max(1, LEAST_PAIRS - len(pairs))
        longest_s = max(MOST_S, self._usual_s)
        most_s = max(self._least_s, min(longest_s, (self._most_s - elapsed_s) / left - start_s))
        wanted_s = FIRST_S
        # Of several ratios the one that needs the longest pairs.
        for side, ratios in enumerate(zip(*(pair.ratios for pair in pairs), strict=True), 1):
            spread = components(
                measured.log_ratios(side),
                [one.standard_error for one in ratios],
                [pair.alternated_s for pair in pairs],
            )
            if spread is not None:
                wanted_s = max(wanted_s if wanted_s != FIRST_S else 0.0, best_seconds(spread, start_s, 0.0, most_s))
        return min(max(wanted_s, self._usual_s), most_s)

    def fits_another(self, pairs: Sequence[ProcessPair], elapsed_s: float) -> bool:
        """Whether the time suffices for one more; always for the first."""
        if not pairs:
            return True
        return elapsed_s + self._start_s(pairs) + self._least_s <= self._most_s

    def _start_s(self, pairs: Sequence[ProcessPair]) -> float:
        return median([pair.wall_s - pair.alternated_s for pair in pairs]) if pairs else 0.0
