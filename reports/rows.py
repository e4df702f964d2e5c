"""Rows of a data frame as Python has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries by column name, None for what pandas calls missing."""
    names = [str(name) for name in frame.columns]
    return [
        {name: _known(value) for name, value in zip(names, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def _known(value: Any) -> Any:
    # Whatever is missing in pandas, NaN, NaT and NA, does not equal itself.
    return value if isinstance(value, list) or (value == value) is True else None
