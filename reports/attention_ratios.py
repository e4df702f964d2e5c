"""Every form of attention against ReLU linear attention, under both definitions of equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.case_key import CASE_COLUMNS
from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import read_conditions
from latency_bench.harness.number_text import rounds_by_requests
from latency_bench.model_specs.architectures.attention.subject import EQUAL_MACS, MOST_MACS_DIFFERENCE, SAME_SHAPE
from latency_bench.reports.attention_points import KERNEL_OPTION, LINEAR, PLACE, attention_points, place_words
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.paired_ratios import PairedRatios

COLUMNS = [
    *PLACE,
    "scope",
    "definition",
    "tokens",
    "head_dim",
    "label",
    "heads",
    "multi_scale",
    "fits",
    "macs",
    "median_ms",
    "low_ms",
    "high_ms",
    "n",
    "macs_s",
    "peak_rss_bytes",
    "linear_label",
    "linear_heads",
    "linear_repeats",
    "linear_macs",
    "linear_ms",
    "linear_n",
    "linear_macs_s",
    "linear_peak_rss_bytes",
    "macs_difference",
    "ratio",
    "ratio_low",
    "ratio_high",
    "paired",
    "unstable",
    "linear_unstable",
    "run_id",
    "linear_run_id",
    "obstacles",
]


def attention_ratios(runs: pd.DataFrame, paired: PairedRatios | None = None) -> pd.DataFrame:
    """One row for every pair, columns as in COLUMNS: `ratio` is the form's latency over that of linear attention, so
    that 3 means that linear attention is three times as fast. Null where the form does not fit into memory, and where
    the two were only measured under different conditions: `obstacles` names those, in one text. `n` and `linear_n` say
    rounds × requests, `unstable` and `linear_unstable` that the run never settled.

    Same shape: the linear form with the same heads, dimension and tokens, with multi-scale tokens where the form has
    them; multi-scale linear attention itself is set against the single-scale one. Equal MACs: the linear form of the
    same dimension and tokens, with more heads or repeated, whose MACs are nearest. `macs_difference` is the linear
    form's MACs over the form's, less 1. The interval is that of harness/statistics/comparison.py, from the rounds;
    where the two were measured as a pair, which `paired` knows, ratio and interval are the pair's, and the column
    `paired` is True.
    """
    import pandas as pd

    points = attention_points(runs)
    rows = []
    for _, of_one in points.groupby([*PLACE, "scope", "head_dim", "tokens"], sort=True, dropna=False):
        candidates: list[dict[str, Any]] = of_one.to_dict("records")  # type: ignore[assignment]
        linear = [point for point in candidates if point["form"] == LINEAR and point["fits"]]
        quadratic_heads = {point["heads"] for point in candidates if point["form"] != LINEAR}
        for point in candidates:
            if (partner := _same_shape(point, linear)) is not None and point["heads"] in quadratic_heads:
                rows.append(_pair(point, partner, SAME_SHAPE))
            if (partner := _equal_macs(point, linear)) is not None:
                rows.append(_pair(point, partner, EQUAL_MACS))
    rows = prefer_pairs(rows, runs, paired, "run_id")
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = [*PLACE, "scope", "head_dim", "definition", "label", "tokens"]
    ascending = [name != "definition" for name in order]
    ordered: pd.DataFrame = table.sort_values(order, ascending=ascending).reset_index(drop=True)
    return ordered


def _same_shape(point: dict[str, Any], linear: list[dict[str, Any]]) -> dict[str, Any] | None:
    """With the same multi-scale branch where there is one, else without."""
    alike = [
        one
        for one in linear
        if (one["heads"], one["repeats"]) == (point["heads"], point["repeats"]) and one["run_id"] != point["run_id"]
    ]
    if point["form"] == LINEAR:
        alike = [one for one in alike if point["multi_scale"] and not one["multi_scale"]]
    return min(alike, key=lambda one: one["multi_scale"] != point["multi_scale"], default=None)


def _equal_macs(point: dict[str, Any], linear: list[dict[str, Any]]) -> dict[str, Any] | None:
    if point["form"] == LINEAR or not _counted(point):
        return None
    alike = [one for one in linear if one["multi_scale"] == point["multi_scale"] and _counted(one)]
    nearest = min(alike, key=lambda one: abs(one["macs"] - point["macs"]), default=None)
    if nearest is None or abs(nearest["macs"] / point["macs"] - 1) > MOST_MACS_DIFFERENCE:
        return None
    return nearest


def _pair(point: dict[str, Any], linear: dict[str, Any], definition: str) -> dict[str, Any]:
    obstacles = obstacles_of(point, linear)
    ratio, low, high = ratio_of([] if obstacles else point["round_medians_ms"], linear["round_medians_ms"])
    return {
        **{name: point[name] for name in COLUMNS if name in point},
        "n": rounds_by_requests(point["round_samples"]),
        "definition": definition,
        "linear_label": linear["label"],
        "linear_heads": linear["heads"],
        "linear_repeats": linear["repeats"],
        "linear_macs": linear["macs"],
        "linear_ms": linear["median_ms"],
        "linear_n": rounds_by_requests(linear["round_samples"]),
        "linear_macs_s": linear["macs_s"],
        "linear_peak_rss_bytes": linear["peak_rss_bytes"],
        "macs_difference": linear["macs"] / point["macs"] - 1 if _counted(point) and _counted(linear) else None,
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "unstable": point["status"] == "unstable",
        "linear_unstable": linear["status"] == "unstable",
        "linear_run_id": linear["run_id"],
        "obstacles": obstacles,
        "paired": False,
    }


def obstacles_of(row: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What keeps two runs from being set against each other as two forms of attention; empty where nothing does, and
    where one has no number."""
    if not len(row["round_medians_ms"]) or not len(other["round_medians_ms"]):
        return ""
    kernel = f"option {KERNEL_OPTION}"
    of_row, of_other = (read_conditions(one["conditions"]) for one in (row, other))
    return "; ".join(differences(of_row, of_other, besides=[kernel]).obstacles)


def unlike_pairs(ratios: pd.DataFrame) -> list[str]:
    """A sentence for every pair of a table of `attention_ratios` that was not compared, and why."""
    return [
        f"{row['label']} is not compared with ReLU linear attention at {row['tokens']} tokens ({row['definition']}) on "
        f"{place_words(row)}: {row['obstacles']}"
        for row in rows_of(ratios)
        if row["obstacles"]
    ]


def prefer_pairs(
    rows: list[dict[str, Any]], runs: pd.DataFrame, paired: PairedRatios | None, form_run: str
) -> list[dict[str, Any]]:
    """Rows with a `ratio`, a `linear_run_id`, and in the column `form_run` the run that is compared with it: the ratio
    is that of a pair where there is one, unless that has no interval and the rounds have one. What keeps the rounds of
    two runs apart, such as a kernel that was updated between them, is no obstacle to a pair: its sides took turns."""
    if paired is None or not paired.found or not rows:
        return rows
    by_id = {row["run_id"]: row for row in rows_of(runs[["run_id", *CASE_COLUMNS]])}
    preferred = []
    for row in rows:
        known = paired.find(by_id[row["linear_run_id"]], by_id[row[form_run]])
        usable = known is not None and (known.low is not None or row["ratio_low"] is None)
        if known is not None and usable:
            of_pair = {"ratio": known.speed_up, "ratio_low": known.low, "ratio_high": known.high}
            row = {**row, **of_pair, "paired": True, "obstacles": ""}
        preferred.append(row)
    return preferred


def _counted(point: dict[str, Any]) -> bool:
    """A run that never started has no MACs."""
    return point["macs"] is not None and point["macs"] > 0


def ratio_of(slower_ms: Sequence[float], linear_ms: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Ratio of latencies with its interval, from the medians of the rounds; None for what the rounds do not support."""
    import numpy as np

    from latency_bench.harness.statistics.comparison import compare

    if not len(slower_ms) or not len(linear_ms):
        return None, None, None
    found = compare([np.array([one]) for one in linear_ms], [np.array([one]) for one in slower_ms])
    return found.ratio, found.low, found.high
