"""Which models the speed-ups of the paper's tables are quoted over: what a campaign measures as pairs."""

from __future__ import annotations

from collections.abc import Iterable

from latency_bench.reports.tables.measured_block import PaperRow, baselines
from latency_bench.reports.tables.paper import PAPER_TABLES, groups, model_of


def table_baselines(numbers: Iterable[int]) -> dict[str, list[str]]:
    """By id of a model, the ids of its groups' baselines in these tables. Raises KeyError for another number."""
    found: dict[str, list[str]] = {}
    for paper in (PAPER_TABLES[number] for number in numbers):
        rows = [PaperRow(row, group) for group, members in enumerate(groups(paper.number)) for row in members]
        for variant in paper.variants:
            specs = [model_of(paper, row.published, variant) for row in rows]
            of_group = baselines(rows, specs, variant)
            for row, spec in zip(rows, specs, strict=True):
                baseline = specs[of_group[row.group]] if row.group in of_group else None
                if spec is not None and baseline is not None and spec.id != baseline.id:
                    found.setdefault(spec.id, []).append(baseline.id)
    return found
