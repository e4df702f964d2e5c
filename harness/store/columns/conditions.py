"""Under which conditions it was measured."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.identity.run_conditions import READS, conditions_from, conditions_text
from latency_bench.harness.store.columns.column import Column


def _text(*fields: Any) -> str:
    return conditions_text(conditions_from(dict(zip(READS, fields, strict=True))))


COLUMNS = (
    Column(
        "conditions",
        "Everything that has to be equal to compare, as JSON: value by condition by dimension.",
        "text",
        READS,
        _text,
    ),
)
