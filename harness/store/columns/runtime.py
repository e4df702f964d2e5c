"""What executed the model."""

from __future__ import annotations

import json
from typing import Any

from latency_bench.harness.store.columns.column import Column

_ELSEWHERE = ("threads", "build")
"""Options that have a place of their own."""


def _other_options(options: dict[str, Any] | None) -> str:
    return json.dumps({key: value for key, value in (options or {}).items() if key not in _ELSEWHERE}, sort_keys=True)


COLUMNS = (
    Column("runtime", "Name of the runtime; null where a run failed before it was known.", "text", ("runtime.name",)),
    Column("runtime_version", "Version of the runtime.", "text", ("runtime.version",)),
    Column("threads", "Threads of a CPU runtime; null elsewhere.", "integer", ("runtime.options.threads",)),
    Column(
        "runtime_options",
        "Options of the runtime as JSON with sorted keys, `threads` and `build` left out.",
        "text",
        ("runtime.options",),
        _other_options,
    ),
)
