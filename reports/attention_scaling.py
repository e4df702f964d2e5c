"""How attention grows with the number of tokens: exponents, and from which size on the linear form is faster."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from latency_bench.reports.attention_points import LINEAR, PLACE, attention_points
from latency_bench.reports.attention_ratios import obstacles_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.statistics.power_law import Crossover

_CURVE = [*PLACE, "scope", "head_dim", "heads", "repeats"]
FIT_COLUMNS = [*_CURVE, "label", "sizes", "exponent", "low", "high", "last", "worst_residual", "slope_covers"]
CROSSOVER_COLUMNS = [*_CURVE, "label", "linear_label", "tokens", "low", "high", "smallest", "largest", "text"]


def attention_fits(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for every form that was measured at two sizes and more with the same heads, all under the same
    conditions: latency ~ tokens^exponent, with its interval; `last` is the exponent between the two largest sizes alone
    (harness/statistics/power_law.py)."""
    import pandas as pd

    from latency_bench.harness.statistics.power_law import exponent

    rows = []
    for key, curves in _curves(runs):
        for label, points in curves.items():
            if len(points) < 2 or obstacles_among(points.values()):
                continue
            found = exponent({tokens: point["round_medians_ms"] for tokens, point in points.items()})
            rows.append(
                {
                    **key,
                    "label": label,
                    "sizes": list(found.sizes),
                    "exponent": found.value,
                    "low": found.low,
                    "high": found.high,
                    "last": found.last,
                    "worst_residual": found.worst_residual,
                    "slope_covers": f"{found.sizes[0]} to {found.sizes[-1]} tokens",
                }
            )
    table: pd.DataFrame = pd.DataFrame(rows, columns=FIT_COLUMNS)
    return table


def attention_crossovers(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for every other form that was measured at two sizes and more: from how many tokens on ReLU linear
    attention of the same shape is the faster one; `tokens` is 0 where it is at every size, infinite where it never is.
    """
    import pandas as pd

    from latency_bench.harness.statistics.power_law import crossover

    rows = []
    for key, curves in _curves(runs):
        for label, points in curves.items():
            sample = next(iter(points.values()))
            linear_label = next(
                (
                    name
                    for name, of_it in curves.items()
                    if (first := next(iter(of_it.values())))["form"] == LINEAR
                    and first["multi_scale"] == sample["multi_scale"]
                ),
                None,
            )
            if sample["form"] == LINEAR or linear_label is None:
                continue
            linear = {tokens: point["round_medians_ms"] for tokens, point in curves[linear_label].items()}
            other = {tokens: point["round_medians_ms"] for tokens, point in points.items()}
            both = [*curves[linear_label].values(), *points.values()]
            if len(set(linear) & set(other)) < 2 or obstacles_among(both):
                continue
            found = crossover(linear, other)
            rows.append(
                {
                    **key,
                    "label": label,
                    "linear_label": linear_label,
                    "tokens": found.size,
                    "low": found.low,
                    "high": found.high,
                    "smallest": found.smallest,
                    "largest": found.largest,
                    "text": crossover_text(found),
                }
            )
    table: pd.DataFrame = pd.DataFrame(rows, columns=CROSSOVER_COLUMNS)
    return table


def obstacles_among(points: Iterable[Mapping[str, Any]]) -> list[str]:
    """What keeps points from being of one curve: conditions that differ between the first and any other."""
    first, *others = points
    return [obstacles for other in others if (obstacles := obstacles_of(other, first))]


def crossover_text(found: Crossover) -> str:
    """`610 tokens (560 to 650)`; a crossing outside the sizes measured is said to lie there, `≤ 256` or `> 4096`."""
    size = _size(found, found.size)
    if found.low is None or found.high is None or found.low == found.high:
        return size
    return f"{size} ({_size(found, found.low)} to {_size(found, found.high)})"


def _size(found: Crossover, size: float) -> str:
    if size == 0:
        return f"≤ {found.smallest}"
    return f"> {found.largest}" if math.isinf(size) else f"{size:.0f}"


def _curves(runs: pd.DataFrame) -> list[tuple[dict[str, Any], dict[str, dict[int, dict[str, Any]]]]]:
    """For every shape but the tokens: by label, by tokens, the point. Curves of linear forms that were only widened or
    repeated to match another's MACs are left out: their shape changes with the tokens."""
    points = attention_points(runs)
    points = points.loc[points["fits"].astype(bool)]
    found = []
    for values, group in points.groupby(_CURVE, sort=True, dropna=False):
        if (group["form"] == LINEAR).all() and group["tokens"].nunique() < 2:
            continue
        curves: dict[str, dict[int, dict[str, Any]]] = {}
        for point in group.sort_values("tokens").to_dict("records"):
            curves.setdefault(str(point["label"]), {})[int(point["tokens"])] = {str(k): v for k, v in point.items()}
        found.append((dict(zip(_CURVE, values, strict=True)), curves))
    return found
