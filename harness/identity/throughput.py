"""The throughput of a model in a setting: which run gives it, and what the figure is.

One rule for tables, figures, the HTML page and claims: at the batch that the paper states; where that was not measured,
or the paper states none, at the batch that gave the most images a second. The figure is that measured with requests in
flight where it was measured, else batch / median latency. Two throughputs are compared at one batch alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def throughput_batch(stated: int | None, measured_img_s: Mapping[int, float]) -> int | None:
    """The batch at which the throughput is taken. `stated` is the paper's, None where it states none; `measured_img_s`
    has images a second by batch. `stated` where nothing was measured."""
    if stated in measured_img_s or not measured_img_s:
        return stated
    # Of equal ones the smaller batch: its images wait less.
    return max(measured_img_s, key=lambda batch: (measured_img_s[batch], -batch))


def common_batch(
    stated: int | None, baseline_img_s: Mapping[int, float], other_img_s: Mapping[int, float]
) -> int | None:
    """The batch at which two throughputs are compared: the same rule, over the batches that both were measured at, at
    the baseline's best."""
    common = {batch: baseline_img_s[batch] for batch in baseline_img_s if batch in other_img_s}
    return throughput_batch(stated, common)


def throughput_img_s(row: Mapping[str, Any]) -> float:
    """Images a second of a run with numbers, from its row of the run table."""
    return float(row["img_s"] if row["throughput_img_s"] is None else row["throughput_img_s"])


def round_throughputs_img_s(row: Mapping[str, Any]) -> list[float]:
    """The same of every round."""
    if row["throughput_img_s"] is not None:
        return list(row["round_throughputs_img_s"])
    return [row["batch"] / (median_ms / 1e3) for median_ms in row["round_medians_ms"]]
