"""The page's first view, written as HTML when the page is made: readable before any script has run, and without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.workload import Workload
from latency_bench.harness.store.columns.registry import columns
from latency_bench.reports.plots.plot_selection import latest
from latency_bench.reports.rows import rows_of
from latency_bench.reports.tables.notes import has_few_requests

if TYPE_CHECKING:
    import pandas as pd

LATEST_SHOWN = 12
LISTED = 300
"""Cases of the list that is there without scripts."""


@dataclass(frozen=True)
class DeviceLine:
    """What was measured on one device."""

    name: str
    processors: Sequence[str]
    runtimes: Sequence[str]
    models: int
    runs: int
    unstable: int
    failed: int
    latest: str


@dataclass(frozen=True)
class TrustLine:
    """What speaks for and against the latest numbers of one device: of `cases` cases so many ..."""

    device: str
    cases: int
    settled: int
    with_interval: int
    enough_requests: int
    """In every round, to tell whether it was steady."""
    outputs_agree: int
    no_flags: int


@dataclass(frozen=True)
class LatestLine:
    """A run with numbers."""

    run_id: str
    case: str
    setting: str
    status: str
    latency: str
    interval: str
    """Of the latency, in brackets; empty where there is none."""
    counts: str
    """Rounds × requests."""
    started: str


@dataclass(frozen=True)
class Overview:
    """The store in numbers."""

    counts: dict[str, int]
    """Runs by status, `runs` for all, `devices`, `models`."""
    first: str
    last: str
    """Days of the first and the last run, UTC; empty without runs."""
    devices: Sequence[DeviceLine]
    trust: Sequence[TrustLine]
    latest: Sequence[LatestLine]
    cases: Sequence[LatestLine]
    """The latest number of every case, at most LISTED."""
    cases_count: int


def overview(runs: pd.DataFrame) -> Overview:
    """`runs` are latest first, as `load_runs` gives them."""
    moments = runs["started_at"]
    return Overview(
        counts={
            "runs": len(runs),
            "devices": int(runs["device"].nunique()),
            "models": int(runs["model"].nunique()),
            **{status: int((runs["status"] == status).sum()) for status in ("done", "unstable", "failed")},
        },
        first=_day(moments.min()) if len(runs) else "",
        last=_day(moments.max()) if len(runs) else "",
        devices=[_device(str(name), of_device) for name, of_device in runs.groupby("device", sort=True)],
        trust=[_trust(str(name), rows_of(of_device)) for name, of_device in latest(runs).groupby("device", sort=True)],
        latest=[_latest(row) for row in rows_of(runs[runs["median_ms"].notna()].head(LATEST_SHOWN))],
        cases=[_latest(row) for row in rows_of(latest(runs).head(LISTED))],
        cases_count=len(latest(runs)),
    )


def _device(name: str, runs: pd.DataFrame) -> DeviceLine:
    return DeviceLine(
        name=name,
        processors=sorted(map(str, runs["processor"].dropna().unique())),
        runtimes=sorted(map(str, runs["runtime"].dropna().unique())),
        models=int(runs["model"].nunique()),
        runs=len(runs),
        unstable=int((runs["status"] == "unstable").sum()),
        failed=int((runs["status"] == "failed").sum()),
        latest=_day(runs["started_at"].max()),
    )


def _trust(device: str, rows: list[dict[str, Any]]) -> TrustLine:
    return TrustLine(
        device,
        len(rows),
        settled=sum(row["status"] == "done" for row in rows),
        with_interval=sum(row["low_ms"] is not None for row in rows),
        enough_requests=sum(not has_few_requests(row) for row in rows),
        outputs_agree=sum(row["fidelity"] is True for row in rows),
        no_flags=sum(not row["flags"] for row in rows),
    )


def _latest(row: dict[str, Any]) -> LatestLine:
    latency = columns()["median_ms"]
    return LatestLine(
        run_id=row["run_id"],
        case=Workload.of_row(row).label(),
        setting=Setting.of_row(row).label(),
        status=row["status"],
        latency=latency.text(row["median_ms"]),
        interval=latency.interval_text(row["median_ms"], row["low_ms"], row["high_ms"]),
        counts=columns()["round_samples"].text(row["round_samples"]),
        started=_day(row["started_at"]),
    )


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d}"
