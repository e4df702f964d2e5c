"""Whole models with ReLU linear attention beside the same with softmax attention, at rising resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latency_bench.harness.number_text import rounds_by_requests
from latency_bench.model_specs.architectures.attention.subject import SOFTMAX_TWIN
from latency_bench.reports.attention_points import PLACE, answered, place_words, placed
from latency_bench.reports.attention_ratios import obstacles_of, prefer_pairs, ratio_of
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.paired_ratios import PairedRatios

COLUMNS = [
    *PLACE,
    "model",
    "height",
    "width",
    "linear_ms",
    "softmax_ms",
    "linear_n",
    "softmax_n",
    "ratio",
    "ratio_low",
    "ratio_high",
    "paired",
    "linear_macs",
    "softmax_macs",
    "linear_peak_rss_bytes",
    "softmax_peak_rss_bytes",
    "linear_fits",
    "softmax_fits",
    "linear_unstable",
    "softmax_unstable",
    "linear_run_id",
    "softmax_run_id",
    "obstacles",
]


def whole_models(runs: pd.DataFrame, paired: PairedRatios | None = None) -> pd.DataFrame:
    """One row for every model, resolution and condition that both it and its twin (`MODEL-softmax`) were run at,
    columns as in COLUMNS; the latest runs. A latency is null, and `..._fits` False, where memory did not suffice.
    Ratios are as in `attention_ratios`."""
    import pandas as pd

    known = placed(answered(runs))
    known = known.loc[(known["output"].isin(["logits"]) | known["output"].isna()).astype(bool)]
    keys = [*PLACE, "height", "width"]
    latest = known.drop_duplicates([*keys, "model"])
    rows = []
    for values, group in latest.groupby(keys, sort=True, dropna=False):
        by_model = {str(row["model"]): row for row in group.to_dict("records")}
        for model, linear in sorted(by_model.items()):
            softmax = by_model.get(model + SOFTMAX_TWIN)
            if softmax is not None:
                rows.append({**dict(zip(keys, values, strict=True)), "model": model, **_pair(linear, softmax)})
    rows = prefer_pairs(rows, runs, paired, "softmax_run_id")
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["pixels"] = table["height"] * table["width"]
    ordered: pd.DataFrame = table.sort_values([*PLACE, "model", "pixels"]).drop(columns="pixels").reset_index(drop=True)
    return ordered


def memory_ends(models: pd.DataFrame) -> list[str]:
    """A sentence for every twin of a table of `whole_models` that did not fit at some resolution."""
    lines = []
    for values, group in models.groupby([*PLACE, "model"], sort=True, dropna=False):
        place = dict(zip(PLACE, values, strict=False))
        for part, name in (("linear", ""), ("softmax", SOFTMAX_TWIN)):
            too_large = group[~group[f"{part}_fits"].astype(bool)]
            if too_large.empty:
                continue
            fits = group[group[f"{part}_fits"].astype(bool)]
            first = too_large.iloc[0]
            above = f"above {fits.iloc[-1]['height']}x{fits.iloc[-1]['width']}" if len(fits) else "at any size tried"
            lines.append(
                f"{values[-1]}{name} does not fit {above} (tried {first['height']}x{first['width']}) "
                f"on {place['device']}, {place['runtime']}"
            )
    return lines


def unlike_twins(models: pd.DataFrame) -> list[str]:
    """A sentence for every pair of a table of `whole_models` that was not compared, and why."""
    return [
        f"{row['model']} at {row['height']}x{row['width']} is not compared with its twin on {place_words(row)}: "
        f"{row['obstacles']}"
        for row in rows_of(models)
        if row["obstacles"]
    ]


def _pair(linear: dict[Any, Any], softmax: dict[Any, Any]) -> dict[str, Any]:
    obstacles = obstacles_of(softmax, linear)
    ratio, low, high = ratio_of([] if obstacles else softmax["round_medians_ms"], linear["round_medians_ms"])
    found: dict[str, Any] = {
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "paired": False,
        "obstacles": obstacles,
    }
    for part, row in (("linear", linear), ("softmax", softmax)):
        found |= {
            f"{part}_ms": row["median_ms"],
            f"{part}_n": rounds_by_requests(row["round_samples"]),
            f"{part}_macs": row["macs"],
            f"{part}_peak_rss_bytes": row["peak_rss_bytes"],
            f"{part}_fits": row["status"] != "failed",
            f"{part}_unstable": row["status"] == "unstable",
            f"{part}_run_id": row["run_id"],
        }
    return found
