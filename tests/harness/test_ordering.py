"""Rounds of several models: interleaved, in random order, the same for the same seed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.ordering import interleaved


@given(st.lists(st.integers(1, 9), max_size=6), st.integers(0, 2**32))
def test_every_round_is_there_once_and_in_order(rounds, seed):
    order = interleaved(rounds, seed)
    assert Counter(order) == Counter((case, index) for case, count in enumerate(rounds) for index in range(count))
    for case, count in enumerate(rounds):
        assert [index for one, index in order if one == case] == list(range(count))
    assert order == interleaved(rounds, seed)


def test_blocks_are_interleaved_and_shuffled():
    order = interleaved([9, 9, 9], seed=1)
    blocks = [[case for case, _ in order[start : start + 3]] for start in range(0, 27, 3)]
    assert all(sorted(block) == [0, 1, 2] for block in blocks)
    assert len({tuple(block) for block in blocks}) > 2, "not always the same order"
    assert order != interleaved([9, 9, 9], seed=2)
