"""Which planned cases are in the store already: what was measured as it is asked for is not measured again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latency_bench.harness.identity.case_key import CASE_COLUMNS, CaseKey
from latency_bench.harness.store.outcome import DOES_NOT_FIT

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.case import Case


def runs_of(runs: pd.DataFrame, case: Case) -> pd.DataFrame:
    """The rows of `runs` (harness/store/run_table.py) that answer `case`, latest first: measured in as many rounds by
    the same protocol, or found not to fit. Other failures are no answer."""
    measured = (
        runs["status"].isin(["done", "unstable"])
        & (runs["protocol"] == case.protocol.name)
        & (runs["rounds"].fillna(0) >= case.rounds)
    )
    of_model = (runs["model"] == case.spec.id) & (runs["device"] == case.device.name)
    known = runs.loc[(of_model & (measured | runs["failure_kind"].isin(DOES_NOT_FIT))).astype(bool)]
    asked = CaseKey.of_case(case)
    keys = known[list(CASE_COLUMNS)].astype(object).where(known[list(CASE_COLUMNS)].notna(), None)
    answering = [CaseKey.of_row(row).answers(asked) for row in keys.to_dict("records")]
    answers: pd.DataFrame = known.loc[answering]
    return answers
