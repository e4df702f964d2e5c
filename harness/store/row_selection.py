"""Which rows of the run table are meant: values to keep, by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.dataset_names import dataset_key
from latency_bench.harness.store.errors import UnknownRunError

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("run_id", "device", "model", "dataset", "runtime", "precision", "threads", "batch")
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
        """The rows that are meant, in their order. Raises UnknownRunError naming the first value that leaves none."""
        if runs.empty:
            raise UnknownRunError(
                "the store does not hold any run; `bench run` measures one, and --store names another store"
            )
        for column in _COLUMNS:
            if wanted := getattr(self, column):
                runs = _kept(runs, _are_among(runs[column], column, wanted), column, wanted, runs[column])
        if self.resolution:
            sizes = runs["height"].astype(str) + "x" + runs["width"].astype(str)
            wanted = [f"{height}x{width}" for height, width in self.resolution]
            runs = _kept(runs, sizes.isin(wanted), "resolution", wanted, sizes)
        return runs

    def keeps(self, values: Mapping[str, Any]) -> bool:
        """Whether values by column, of some of the columns, are among those to keep."""
        wanted = {column: getattr(self, column) for column in _COLUMNS if column in values}
        return all(
            not some or _comparable(column, values[column]) in {_comparable(column, one) for one in some}
            for column, some in wanted.items()
        )


def _comparable(column: str, value: Any) -> Any:
    """Data sets are written in more than one way."""
    return dataset_key(value) if column == "dataset" else value


def _are_among(values: pd.Series[Any], column: str, wanted: Sequence[Any]) -> pd.Series[bool]:
    return values.map(lambda value: _comparable(column, value)).isin([_comparable(column, one) for one in wanted])


def _text_of(value: Any) -> str:
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
    there = sorted({_text_of(value) for value in values} - {""})
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    raise UnknownRunError(
        f"no run has the {name.replace('_', ' ')} {', '.join(map(str, wanted))}; "
        f"those that match otherwise have {', '.join(there[:_SHOWN]) or 'none'}{more}"
    )
