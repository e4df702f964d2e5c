"""Which of the selected runs a figure shows: the latest of each case, and models rather than calibrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latency_bench.harness.identity.case_key import CASE_COLUMNS
from latency_bench.model_specs.calibration_specs import PREFIX

if TYPE_CHECKING:
    import pandas as pd


def latest(runs: pd.DataFrame, failed: bool = False) -> pd.DataFrame:
    """The latest run of each case that has a number (done or unstable); with `failed`, the latest of any kind.

    `runs` are latest first, as `load_runs` gives them.
    """
    candidates: pd.DataFrame = runs if failed else runs[runs["median_ms"].notna()]
    first: pd.DataFrame = candidates.drop_duplicates(list(CASE_COLUMNS))
    return first


def without_calibrations(runs: pd.DataFrame) -> pd.DataFrame:
    """The rows that are of models, unless calibrations are all there is."""
    models: pd.DataFrame = runs[~runs["model"].str.startswith(PREFIX)]
    return runs if models.empty else models
