"""Units of the store's files and of what is shown."""

from __future__ import annotations

NS_PER_MS = 1e6
"""Samples are integer nanoseconds; summaries, tables and figures are milliseconds."""
