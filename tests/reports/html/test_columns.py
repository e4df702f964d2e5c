"""The table of runs as columns: every cell as it was."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns
from latency_bench.reports.html.columns import LEFT_OUT, encode_runs


def decoded(column: dict[str, Any]) -> list[Any]:
    if "values" in column:
        return list(column["values"])
    return [None if place < 0 else column["texts"][place] for place in column["index"]]


def test_every_cell_of_a_store_comes_back(runs: pd.DataFrame) -> None:
    found = encode_runs(runs)

    assert found["count"] == len(runs)
    assert {column["name"] for column in found["declared"]} == set(columns()) - LEFT_OUT
    for column in columns().values():
        if column.name in LEFT_OUT:
            continue
        came_back = decoded(found["columns"][column.name])
        for value, cell in zip(came_back, runs[column.name], strict=True):
            assert value == _as_the_page_has(column, cell), column.name


def _as_the_page_has(column: Column, cell: Any) -> Any:
    if column.kind == "texts":
        return "\n".join(cell)
    if column.is_list:
        return [pytest.approx(item, rel=1e-9) for item in cell]
    if pd.isna(cell):
        return None
    if column.kind == "moment":
        return int(cell.timestamp() * 1000)
    return pytest.approx(cell, rel=1e-9) if column.is_number else cell


def test_names_for_people_are_those_of_the_printed_figures(runs: pd.DataFrame) -> None:
    from latency_bench.harness.identity.setting import Setting
    from latency_bench.harness.identity.workload import Workload
    from latency_bench.reports.rows import rows_of

    columns = encode_runs(runs)["columns"]

    rows = rows_of(runs)
    assert decoded(columns["case"]) == [Workload.of_row(row).label() for row in rows]
    assert decoded(columns["setting"]) == [Setting.of_row(row).label() for row in rows]


def test_no_runs_are_columns_without_values() -> None:
    found = encode_runs(pd.DataFrame(columns=list(columns())))

    assert found["count"] == 0
    assert all(decoded(column) == [] for column in found["columns"].values())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text() | st.none(), min_size=1, max_size=4))
def test_any_text_comes_back(runs: pd.DataFrame, titles: list[str | None]) -> None:
    some = runs.head(len(titles)).copy()
    some["title"] = pd.Series(titles, index=some.index, dtype=object)

    assert decoded(encode_runs(some)["columns"]["title"]) == titles
