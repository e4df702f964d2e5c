"""Which planned cases are in the store already: what was measured under the same conditions is not measured again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.case import Case

DOES_NOT_FIT = ("too-large", "out-of-memory")
"""Failures that are results: where memory ends."""


def runs_of(runs: pd.DataFrame, case: Case) -> pd.DataFrame:
    """The rows of `runs` (harness/store/run_table.py) that answer `case`, latest first: measured in as many rounds by
    the same protocol, or found not to fit. Other failures are no answer."""
    height, width = case.spec.resolution
    asked = case.all_runtime_options()
    asked.pop("threads", None)
    same = (
        (runs["device"] == case.device.name)
        & (runs["model"] == case.spec.id)
        & (runs["height"] == height)
        & (runs["width"] == width)
        & (runs["batch"] == case.batch)
        & (runs["precision"] == case.precision)
        & (runs["runtime"] == case.runtime)
        & (runs["threads"] == case.threads)
    )
    measured = (
        runs["status"].isin(["done", "unstable"])
        & (runs["protocol"] == case.protocol.name)
        & (runs["rounds"].fillna(0) >= case.rounds)
    )
    found = runs.loc[(same & (measured | runs["failure_kind"].isin(DOES_NOT_FIT))).astype(bool)]
    agreeing = [index for index, text in enumerate(found["runtime_options"]) if _agrees(json.loads(text), asked)]
    answers: pd.DataFrame = found.iloc[agreeing]
    return answers


def _agrees(used: dict[str, Any], asked: dict[str, Any]) -> bool:
    """What was asked for was used, and a kernel that was not asked for was not forced."""
    return all(used.get(name) == value for name, value in asked.items()) and (
        "sdpa" in asked or used.get("sdpa", "auto") == "auto"
    )
