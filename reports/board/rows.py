"""The rows of a board: the latest number of every case of every lab, with what it takes to trust or repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.workload import Workload
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.delegation import Delegation
from latency_bench.reports.evidence import Run
from latency_bench.reports.plots.plot_selection import latest, without_calibrations
from latency_bench.reports.rows import rows_of
from latency_bench.reports.tables.notes import notes_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: dict[str, str] = {
    "lab": "Who measured.",
    "case": "What was measured: model, size, batch.",
    "model": "Id of the model.",
    "setting": "How: device, runtime, precision, threads.",
    "processor": "Of the machine.",
    "runtime_version": "Version of the runtime.",
    "median_ms": "Latency in milliseconds: median of the rounds' medians.",
    "low_ms": "Lower end of its 95 % interval; empty where there is none.",
    "high_ms": "Upper end.",
    "n": "Rounds × requests.",
    "status": "done or unstable.",
    "delegated_nodes": "Nodes of the graph that a delegate took; empty where there is none.",
    "graph_nodes": "Of so many.",
    "artifact_sha256": "SHA-256 of the file that the runtime loaded.",
    "seeded": "Whether the weights were drawn from a seed.",
    "notes": "What speaks against the number, with semicolons.",
    "run_id": "The run, in the lab's own report.",
    "started_at": "When it was measured, UTC.",
}
"""Name and meaning of every column of `board_rows`, in order; the CSV's too."""


@dataclass(frozen=True)
class BoardRow:
    """One number: its values by the names of COLUMNS, and as people read them."""

    values: Mapping[str, Any]
    latency: str
    delegated: str
    """`31 of 33 nodes`; empty where there is no delegate."""
    notes: tuple[str, ...]


def board_rows(runs_of: Mapping[str, pd.DataFrame]) -> list[BoardRow]:
    """From the runs (rows of the run table, latest first) of each lab by its name; of one case the quickest first."""
    rows = [
        _row(lab, run)
        for lab, runs in runs_of.items()
        if not runs.empty
        for run in rows_of(without_calibrations(latest(runs)))
    ]
    return sorted(rows, key=lambda row: (row.values["case"], row.values["median_ms"], row.values["lab"]))


def _row(lab: str, run: Run) -> BoardRow:
    latency, counts = columns()["median_ms"], columns()["round_samples"]
    notes = notes_of(run)
    values = {
        "lab": lab,
        "case": Workload.of_row(run).label(),
        "setting": Setting.of_row(run).label(),
        "n": counts.text(run["round_samples"]),
        "notes": "; ".join(notes),
        "started_at": f"{run['started_at']:%Y-%m-%d %H:%M}",
    }
    return BoardRow(
        values={name: values.get(name, run.get(name)) for name in COLUMNS},
        latency=f"{latency.text(run['median_ms'])} "
        f"{latency.interval_text(run['median_ms'], run['low_ms'], run['high_ms'])}".rstrip(),
        delegated=_delegated(Delegation.of_row(run)),
        notes=notes,
    )


def _delegated(delegation: Delegation) -> str:
    if delegation.delegated_nodes is None or delegation.graph_nodes is None:
        return ""
    return f"{delegation.delegated_nodes} of {delegation.graph_nodes} nodes"
