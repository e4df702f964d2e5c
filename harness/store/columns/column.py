"""A column: one thing that every run has a value of, or lacks, and all that anybody needs to know to show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from latency_bench.harness.number_text import byte_size, decimals_for, interval, number_text, scaled
from latency_bench.harness.store.errors import ColumnError

Kind = Literal["text", "integer", "number", "truth", "moment", "texts", "integers", "numbers"]
"""What a value is; a moment is a point in time (UTC), the last three are lists."""
Better = Literal["lower", "higher", ""]
Pooling = Literal["median", "largest", "sum", "same"]
"""What stands for several runs of one case; `same` is their common value, None where they differ."""

_TYPES: dict[Kind, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "truth": (bool,),
    "moment": (datetime,),
    "texts": (str,),
    "integers": (int,),
    "numbers": (int, float),
}
_LISTS = frozenset({"texts", "integers", "numbers"})
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Column:
    """One declaration. A package adds its own with an entry point in the group `bench.columns`."""

    name: str
    """In files and options, with its unit as the ending: `median_ms`."""
    meaning: str
    """A sentence, for documentation."""
    kind: Kind
    reads: tuple[str, ...]
    """Fields of record.json that it is made of: `summary.latency.median_ms`. What follows a list is read of each of its
    items, so that `rounds.sample_count` is a list. None where a field, or anything above it, is not there."""
    value: Callable[..., Any] | None = None
    """Makes the value from those fields, as many arguments as `reads` has; None: the value is the only field."""
    title: str = ""
    """For headings, without the unit. Default: the name."""
    written: Callable[[Any], str] | None = None
    """How a value is written for people, where its kind and unit do not say it."""
    unit: str = ""
    """`ms`, `images/s`, `J`. `bytes` are shown as KiB, MiB and so on."""
    in_thousands: bool = False
    """Shown as k, M or G: of counts that are large."""
    short: str = ""
    """What options also take for the name: `energy` for `joules_per_image`."""
    ends: tuple[str, str] | None = None
    """Names of the columns with the lower and the upper end of its interval."""
    better: Better = ""
    """Whether a lower or a higher value is better; empty where neither is."""
    exact: bool = False
    """Counted and not measured: of two different values the better one is the better one."""
    pooled: Pooling = "same"
    """What stands for several runs of one case. Of lists it is always all items: names once each, numbers one after the
    other."""

    @property
    def is_list(self) -> bool:
        return self.kind in _LISTS

    @property
    def is_number(self) -> bool:
        """Whether it can be an axis of a plot."""
        return self.kind in ("integer", "number")

    @property
    def heading(self) -> str:
        """Title and unit: `peak memory`, `load time, ms`."""
        title = self.title or self.name.replace("_", " ")
        return f"{title}, {self.unit}" if self.unit and self.unit != "bytes" else title

    def of(self, fields: Sequence[Any]) -> Any:
        """The value from the fields that `reads` names; None, or an empty list, where nothing is known.

        Raises ColumnError where the declaration's own function fails, or gives something else than it says.
        """
        if self.value is None:
            # What a probe or a runtime left behind has the shape that it has: no value of this kind is an unknown one.
            return self._checked(fields[0])
        try:
            value = self.value(*fields)
        except Exception as error:  # Whatever a package's function raises.
            raise ColumnError(
                f"the column {self.name} cannot be made: {error}; mend or uninstall the package that declares it"
            ) from error
        checked = self._checked(value)
        if checked is None and value is not None and not _is_no_number(value):
            raise ColumnError(
                f"the column {self.name} is {value!r:.80}, but is declared as {self.kind}; "
                "mend or uninstall the package that declares it"
            )
        return checked

    def text(self, value: Any, decimals: int | None = None) -> str:
        """A value for people, without the unit that the heading has; empty for None."""
        if value is None:
            return ""
        if self.written is not None:
            return self.written(value)
        if self.is_list:
            return _listed([self.item_text(item) for item in value])
        return self.item_text(value, decimals)

    def item_text(self, value: Any, decimals: int | None = None) -> str:
        """One value, or one item of a list."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M}"
        if isinstance(value, str):
            return value
        if self.unit == "bytes":
            return byte_size(value)
        if self.in_thousands:
            return scaled(value)
        if self.kind in ("integer", "integers"):
            return str(int(value))
        return number_text(value) if decimals is None else f"{value:.{decimals}f}"

    def interval_text(self, value: float, low: float | None, high: float | None) -> str:
        """`[251.0, 253.9]`, with the decimals of the value beside it; empty where there is no interval."""
        return interval(low, high, decimals_for(value))

    def pool(self, values: Sequence[Any]) -> Any:
        """What stands for the values of several runs of one case; None where nothing does."""
        known = [value for value in values if value is not None]
        if self.is_list:
            items = [item for value in known for item in value]
            return list(dict.fromkeys(items)) if self.kind == "texts" else items
        if not known:
            return None
        if self.pooled == "median":
            import statistics

            return statistics.median(known) if self.kind == "number" else statistics.median_low(known)
        if self.pooled in ("largest", "sum"):
            return max(known) if self.pooled == "largest" else sum(known)
        return known[0] if all(value == known[0] for value in known) else None

    def _checked(self, value: Any) -> Any:
        if self.is_list:
            items = value if isinstance(value, (list, tuple)) else ()
            known = [self._item(item) for item in items]
            return [item for item in known if item is not None]
        return self._item(value)

    def _item(self, value: Any) -> Any:
        if not isinstance(value, _TYPES[self.kind]) or (isinstance(value, bool) and self.kind != "truth"):
            return None
        known: Any = value
        if self.kind in ("number", "numbers"):
            return float(known) if math.isfinite(known) else None
        if self.kind in ("integer", "integers"):
            return known if abs(known) <= _INT64_MAX else None
        return known


def _is_no_number(value: Any) -> bool:
    """Infinities, NaN and integers that no file has room for: there is no value then, and nobody is to blame."""
    return isinstance(value, (int, float)) and not (math.isfinite(value) and abs(value) <= _INT64_MAX)


def _listed(texts: Sequence[str]) -> str:
    """`3 × 40` where all of several items are alike, else `40, 35, 41`."""
    if len(texts) > 1 and len(set(texts)) == 1:
        return f"{len(texts)} × {texts[0]}"
    return ", ".join(texts)
