"""Runs in order of their latency: who is placed behind whom, and who is tied."""

from __future__ import annotations

import pytest

from latency_bench.harness.cli.run_ranking import tie_lines
from latency_bench.harness.ranking import Ranking, ranking
from latency_bench.harness.store.reader import open_run
from tests.harness.stored_lab import Lab


def _ranking(lab: Lab, *run_ids: str) -> Ranking:
    return ranking([open_run(lab.store, run_id) for run_id in run_ids])


def _places(result: Ranking) -> dict[str, int]:
    return {one.run.record.runtime.name: one.place for one in result.ranked if one.run.record.runtime}


def test_a_place_is_lost_only_to_a_run_that_is_shown_to_be_faster(lab: Lab) -> None:
    scales = {"c": 2.0, "a": 1.0, "b": 1.0, "d": 2.0}
    ids = [lab.add(scale, runtime__name=name) for name, scale in scales.items()]
    result = _ranking(lab, *ids)
    places = _places(result)
    assert (places["a"], places["b"]) == (1, 1)
    assert (places["c"], places["d"]) == (3, 3)
    first, second = tie_lines(result)
    assert first.startswith("place 1: ")
    assert second.startswith("place 3: ")
    assert first.endswith(" are not shown to differ")
    for one in result.ranked[2:]:
        assert one.against_fastest is not None
        assert one.against_fastest.low is not None
        assert one.against_fastest.low > 1.9
    assert result.ranked[0].against_fastest is None


def test_too_few_rounds_tie_everything_and_that_is_said(lab: Lab) -> None:
    result = _ranking(lab, lab.add(1.0, rounds=2), lab.add(2.0, rounds=2))
    assert [one.place for one in result.ranked] == [1, 1]
    assert tie_lines(result)[-1] == "2 rounds are too few to tell two runtimes apart: ask for --rounds 4 or more"


def test_what_has_no_numbers_has_no_place(lab: Lab) -> None:
    lab.add_failed()
    failed = next(path.name for path in lab.store.glob("*/*/2026*"))
    result = _ranking(lab, failed, lab.add(1.0))
    assert [one.place for one in result.ranked] == [1]
    assert [run.record.run_id for run in result.refused] == [failed]
    assert tie_lines(result) == []


@pytest.mark.parametrize("count", [1, 3])
def test_ranking_needs_no_particular_number_of_runs(lab: Lab, count: int) -> None:
    ids = [lab.add(1.0 + number, runtime__name=f"r{number}") for number in range(count)]
    assert _places(_ranking(lab, *ids)) == {f"r{number}": number + 1 for number in range(count)}
