"""Work on many runs in threads: results in order, few of them ahead of who takes them, errors as they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from latency_bench.harness.store import side_by_side as module
from latency_bench.harness.store.side_by_side import side_by_side


@pytest.fixture(params=[1, 4])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(module, "processors", lambda: request.param)
    return int(request.param)


def test_results_come_in_order_whatever_is_done_first(threads: int) -> None:
    def work(number: int) -> str:
        time.sleep(0.01 * (number % 3 == 0))
        return str(number)

    assert list(side_by_side(work, range(100))) == [(number, str(number)) for number in range(100)]


def test_no_more_is_begun_than_will_soon_be_taken(threads: int) -> None:
    begun = []

    def items() -> Iterator[int]:
        for number in range(1000):
            begun.append(number)
            yield number

    results = side_by_side(lambda number: number, items())
    next(results)
    assert len(begun) <= 8 * threads
    results.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("store_")]


def test_an_error_comes_where_its_item_is(threads: int) -> None:
    results = side_by_side(lambda number: 1 / (number - 20), range(100))
    assert len([next(results) for _ in range(20)]) == 20
    with pytest.raises(ZeroDivisionError):
        next(results)
