"""Units of the store's files and of what is shown."""

from __future__ import annotations

NS_PER_MS = 1e6
"""Samples are integer nanoseconds; summaries, tables and figures are milliseconds."""


def duration(seconds: float) -> str:
    """For people, in the two largest units that matter: `40 s`, `12 min`, `1 h 20 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} days {minutes % 1440 // 60} h"
