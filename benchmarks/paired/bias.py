"""What taking turns does to a ratio: models against themselves, whose ratio is 1, by turns and in blocks.

    python benchmarks/paired/bias.py --minutes 3 --budget-minutes 40

The small model fits into the caches, the next about fills them, the large one streams through them; each beside itself,
and the small one beside the large.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from measured_steps import Effort, Result, Step, main
from pair_steps import CLASSIFIER, SEGMENTATION, SEGMENTATION_SIZE, figures, markdown, measured_pair, words

from latency_bench.harness.store.pair_record import PairRecord

NAME = "bias of pairing"
_SMALL = "b0-cls-r224@litert,resolution=64x64"
_CACHE_SIZED = f"{CLASSIFIER}@litert"
_LARGE = f"{SEGMENTATION}@litert,resolution={SEGMENTATION_SIZE}"
PAIRS = {
    "small beside itself": (_SMALL, _SMALL),
    "cache-sized beside itself": (_CACHE_SIZED, _CACHE_SIZED),
    "large beside itself": (_LARGE, _LARGE),
    "large beside small": (_LARGE, _SMALL),
}


def steps(effort: Effort) -> list[Step]:
    """One a pair; those with the large model take twice as long."""
    found = []
    for rank, (name, sides) in zip((2.4, 3.4, 5.4, 4.4), PAIRS.items(), strict=True):
        minutes = effort.minutes * (2 if _LARGE in sides else 1)
        found.append(Step(name, rank=rank, minutes=minutes + 0.5, measure=_measure(sides, effort, minutes)))
    return found


def _measure(sides: tuple[str, str], effort: Effort, minutes: float) -> Callable[[], Result]:
    def measure() -> Result:
        return _told(measured_pair(sides, effort, minutes=minutes, within=0.005))

    return measure


def _told(record: PairRecord) -> Result:
    sizes = zip(record.turns.requests, record.turns.discarded, strict=True)
    return {
        **figures(record),
        "in_blocks": record.in_blocks[0].model_dump() if record.in_blocks else None,
        "first_request": [one.first_request and one.first_request.model_dump() for one in record.bias],
        "alone": [one.alone and one.alone.model_dump() for one in record.bias],
        "turns": [f"{requests - discarded} after {discarded}" for requests, discarded in sizes],
    }


def table(results: Sequence[Result]) -> str:
    """A row a pair."""
    headings = (
        "pair", "by turns", "in blocks", "first request after a change, A, B", "by turns over alone, A, B", "turns",
        "pairs", "minutes",
    )  # fmt: skip
    rows = [
        [
            one["step"],
            words(one),
            words(one["in_blocks"]),
            ", ".join(map(words, one["first_request"])),
            ", ".join(map(words, one["alone"])),
            ", ".join(one["turns"]),
            str(one["pairs"]),
            f"{one['minutes']:.1f}",
        ]
        for one in results
    ]
    return markdown(headings, rows)


if __name__ == "__main__":
    main([sys.modules[__name__]], __doc__)
