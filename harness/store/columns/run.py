"""Which run it is, and when and how it was asked for."""

from __future__ import annotations

import shlex
from typing import Any

from latency_bench.harness.store.columns.column import Column

_COMMIT_DIGITS = 12


def commit_of(labelled: str | None, commit: str | None, dirty: bool | None) -> str | None:
    """The label counts before the checkout, which may hold other files than the model's."""
    if labelled is not None:
        return labelled
    return None if commit is None else commit[:_COMMIT_DIGITS] + ("-dirty" if dirty else "")


def _labels(labels: dict[str, Any] | None) -> str | None:
    return ", ".join(f"{name}={labels[name]}" for name in sorted(labels)) if labels else None


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
    Column(
        "repeats",
        "Id of the run that this one measures once more, because that was inconclusive; null for others.",
        "text",
        ("repeats",),
    ),
    Column("labels", "What the user called it: name=value, with commas; null without.", "text", ("labels",), _labels),
    Column(
        "commit",
        "Version of the user's code: the label `commit`, else that of the checkout in which bench was called (-dirty: "
        "files differed from it).",
        "text",
        ("labels.commit", "project.commit", "project.dirty"),
        commit_of,
    ),
)
