"""What can go wrong in a benchmark beyond the errors of its parts."""

from __future__ import annotations


class UsageError(ValueError):
    """The request has to change; the message says how."""
