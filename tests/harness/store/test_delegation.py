"""How much of the model a delegate computed: of every kind of record, in columns, sentences and footnotes."""

from __future__ import annotations

from typing import Any

import pytest

from latency_bench.harness.store.delegation import Delegation

GPU = {"delegate": "GPU", "full": True, "partitions": 1, "nodes": 366, "delegated": 366, "backend": "OpenCL"}


@pytest.mark.parametrize(
    ("facts", "xnnpack", "text", "took_all"),
    [
        (GPU, False, "GPU (OpenCL): 366 of 366 nodes in 1 partition", True),
        ({**GPU, "full": False, "delegated": 12, "partitions": 2}, False, "GPU (OpenCL): 12 of 366 nodes in 2", False),
        ({"delegate": "XNNPACK", "full": True, "partitions": None}, True, "XNNPACK: the whole model", True),
        ({"delegate": "GPU", "full": False, "partitions": None}, False, "GPU: it does not say how much", False),
        ({"nodes": 500, "delegated": 480, "partitions": 5}, True, "XNNPACK: 480 of 500 nodes in 5 partitions", False),
        ({"nodes": 500, "delegated": 0, "partitions": 0}, True, "XNNPACK: 0 of 500 nodes in 0 partitions", False),
        ({"nodes": 500, "delegated": 0, "partitions": 0}, False, None, None),
        (None, True, None, None),
        ("nonsense", True, None, None),
        ({"nodes": True, "delegated": "x"}, True, None, None),
    ],
)
def test_what_a_record_tells(facts: Any, xnnpack: bool, text: str | None, took_all: bool | None) -> None:
    known = Delegation.of_facts(facts, xnnpack)
    assert known.delegate_took_all is took_all
    assert known.text() is None if text is None else (known.text() or "").startswith(text)


def test_the_footnote_names_the_backend_and_a_part_by_its_nodes() -> None:
    whole, part = Delegation.of_facts(GPU, False), Delegation.of_facts({**GPU, "full": False, "delegated": 12}, False)
    assert whole.note("benchmark_model") == "the whole model was computed by the delegate GPU (OpenCL)"
    assert part.note("benchmark_model") == (
        "only a part of the model was computed by the delegate GPU (OpenCL): 12 of 366 nodes in 1 partition"
    )


def test_a_row_whose_counts_are_numbers_says_whole_ones() -> None:
    told = Delegation.of_facts({**GPU, "full": False, "delegated": 12}, False)._asdict()
    row = {**told, **{name: float(told[name]) for name in ("graph_nodes", "delegated_nodes", "delegate_partitions")}}
    assert Delegation.of_row(row).text() == "GPU (OpenCL): 12 of 366 nodes in 1 partition"


def test_only_a_part_is_worth_a_footnote_where_there_is_no_other_delegate() -> None:
    counts = {"nodes": 500, "delegated": 500, "partitions": 1}
    assert Delegation.of_facts(counts, True).note("worker") is None
    assert "480 of 500" in (Delegation.of_facts({**counts, "delegated": 480}, True).note("worker") or "")
    assert Delegation().note("worker") is None
