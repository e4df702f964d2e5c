"""In which order the rounds of several models are measured."""

from __future__ import annotations

import random
from collections.abc import Sequence


def interleaved(rounds: Sequence[int], seed: int) -> list[tuple[int, int]]:
    """(case, round) pairs: every case once in random order, then every case once more, and so on.

    Interleaving turns what drifts slowly (heat, a neighbour's load) from a difference between models into noise that
    all of them share; the random order keeps a model from always following the same one (Georges, Buytaert & Eeckhout,
    "Statistically rigorous Java performance evaluation", OOPSLA 2007; google/benchmark's random interleaving).
    """
    generator = random.Random(seed)
    order = []
    for round_index in range(max(rounds, default=0)):
        block = [case for case, count in enumerate(rounds) if round_index < count]
        generator.shuffle(block)
        order += [(case, round_index) for case in block]
    return order
