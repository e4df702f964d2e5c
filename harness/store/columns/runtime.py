"""What executed the model."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.identity.setting import options_text
from latency_bench.harness.identity.usual_options import threads_of
from latency_bench.harness.store.columns.column import Column


def _threads(runtime: str | None, threads: Any) -> int | None:
    return threads_of(runtime, {"threads": threads})


def _other_options(options: dict[str, Any] | None) -> str:
    return options_text(options or {})


COLUMNS = (
    Column("runtime", "Name of the runtime; null where a run failed before it was known.", "text", ("runtime.name",)),
    Column("runtime_version", "Version of the runtime.", "text", ("runtime.version",)),
    Column(
        "threads",
        "Threads of a CPU runtime; null elsewhere.",
        "integer",
        ("runtime.name", "runtime.options.threads"),
        _threads,
    ),
    Column(
        "runtime_options",
        "Options of the runtime as JSON with sorted keys, `threads` and `build` left out.",
        "text",
        ("runtime.options",),
        _other_options,
    ),
)
