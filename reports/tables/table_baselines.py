"""Which models the speed-ups of the paper's tables are quoted over: what a campaign measures as pairs."""

from __future__ import annotations

from collections.abc import Iterable

from latency_bench.reports.papers.library_models import run_id
from latency_bench.reports.papers.paper import PaperTable
from latency_bench.reports.tables.measured_block import baselines


def table_baselines(tables: Iterable[PaperTable]) -> dict[str, list[str]]:
    """By id of a model in its runs, the ids of its groups' baselines in these tables."""
    found: dict[str, list[str]] = {}
    for table in tables:
        for part in table.parts:
            of_group = baselines(table, part)
            for row in table.rows:
                model = part.model_of(row)
                baseline = part.model_of(table.rows[of_group[row.group]]) if row.group in of_group else None
                if model is not None and baseline is not None and model != baseline:
                    found.setdefault(run_id(model), []).append(run_id(baseline))
    return found
