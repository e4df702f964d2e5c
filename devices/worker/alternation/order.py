"""In which order the sides take turns within a block."""

import random
from typing import Iterator, List


def block_orders(sides: int, seed: int) -> Iterator[List[int]]:
    """Endless: a random order, then its reverse; which of the two comes first is random as well.

    In every two blocks each of two sides comes before the other exactly once, so that what changes steadily, and what
    the first burst of a block does to the second, falls on both alike.
    """
    generator = random.Random(seed)
    while True:
        order = list(range(sides))
        generator.shuffle(order)
        yield order
        yield order[::-1]
