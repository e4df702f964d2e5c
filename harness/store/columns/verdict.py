"""Whether the number may be trusted, and why there is none."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.store.columns.column import Column


def _more_than_information(names: Any, severities: Any) -> list[str]:
    return [name for name, severity in zip(names or (), severities or (), strict=True) if severity != "info"]


def _answer(name: str) -> Column:
    return Column(name, "yes, no or unknown.", "text", (f"verdicts.{name}",), lambda answer: answer or "unknown")


TRUST = (
    Column(
        "fidelity",
        "true: outputs agree with the fp32 module; false: not; null: not checked.",
        "truth",
        ("fidelity.passed",),
        title="outputs agree with the fp32 module",
    ),
    Column(
        "flags",
        "Names of the flags that are more than information, a list.",
        "texts",
        ("flags.name", "flags.severity"),
        _more_than_information,
    ),
    _answer("throttled"),
    _answer("clocks_locked"),
    Column(
        "conclusive",
        "yes: shown steady, and its rounds agree; unknown: not shown; no: nor in the repetition; null: not asked.",
        "text",
        ("verdicts.conclusive",),
    ),
)

FAILURE = (
    Column(
        "failure_stage", "Where a failed run ended; null for others.", "text", ("failure.stage",), title="failed in"
    ),
    Column("failure_kind", "Why a run failed, in one word.", "text", ("failure.kind",), title="kind of failure"),
    Column("failure", "Why a run failed, in a sentence.", "text", ("failure.message",), title="reason of the failure"),
)
