"""Which runs a figure shows: a filter by what a row of the run table says, and the latest run of each case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.case_key import CASE_COLUMNS
from latency_bench.model_specs.calibration_specs import PREFIX
from latency_bench.reports.plots.style import FigureError

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 8


@dataclass(frozen=True)
class Selection:
    """Values to keep, by column; an empty one keeps everything."""

    device: Sequence[str] = ()
    model: Sequence[str] = ()
    dataset: Sequence[str] = ()
    runtime: Sequence[str] = ()
    precision: Sequence[str] = ()
    threads: Sequence[int] = ()
    batch: Sequence[int] = ()
    resolution: Sequence[tuple[int, int]] = ()
    run_id: Sequence[str] = ()

    def of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """The rows that are meant, in their order. Raises FigureError naming the first value that leaves none."""
        if runs.empty:
            raise FigureError("no run is stored there; `bench run` makes one, --store names another place")
        for column in ("run_id", "device", "model", "dataset", "runtime", "precision", "threads", "batch"):
            if wanted := getattr(self, column):
                runs = _kept(runs, runs[column].isin(wanted), column, wanted, runs[column])
        if self.resolution:
            sizes = runs["height"].astype(str) + "x" + runs["width"].astype(str)
            wanted = [f"{height}x{width}" for height, width in self.resolution]
            runs = _kept(runs, sizes.isin(wanted), "resolution", wanted, sizes)
        return runs


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


def text_of(value: Any) -> str:
    """A cell as text; empty for null (None, NaN), whole numbers without a point."""
    if value is None or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kept(
    runs: pd.DataFrame, mask: pd.Series[bool], name: str, wanted: Sequence[Any], values: pd.Series[Any]
) -> pd.DataFrame:
    if mask.any():
        kept: pd.DataFrame = runs[mask]
        return kept
    there = sorted({text_of(value) for value in values} - {""})
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    raise FigureError(
        f"no run is left with {name.replace('_', ' ')} {', '.join(map(str, wanted))}; "
        f"the others leave {', '.join(there[:_SHOWN]) or 'none'}{more}"
    )
