"""Which run it is, and when and how it was asked for."""

from __future__ import annotations

import shlex

from latency_bench.harness.store.columns.column import Column

IDENTITY = (
    Column("run_id", "Id of the run; sorts by time.", "text", ("run_id",), title="run"),
    Column(
        "path",
        "Folder of the run, relative to the store: device/model/run id.",
        "text",
        ("device.name", "model.id", "run_id"),
        lambda device, model, run_id: f"{device}/{model}/{run_id}",
        title="folder",
    ),
    Column("status", "done, unstable or failed.", "text", ("status",)),
    Column(
        "started_at",
        "Start by the host's wall clock, UTC.",
        "moment",
        ("started_at",),
        title="started (UTC)",
        short="when",
    ),
)

REQUEST = (
    Column("protocol", "Name of the measuring protocol.", "text", ("protocol.name",)),
    Column("command", "Command line, one text.", "text", ("command",), shlex.join),
    Column("campaign", "Name of the campaign that the run is of; null for others.", "text", ("campaign.name",)),
    Column("case", "Key of its case in the campaign.", "text", ("campaign.case",), title="case in the campaign"),
)
