"""What a report cannot be made from as it was asked for; figures have plots/style.py's FigureError."""

from __future__ import annotations


class TableError(ValueError):
    """The table cannot be drawn up as asked; the message says what to change."""


class AccuracyFileError(ValueError):
    """A file of accuracies cannot be read; the message has its name and line."""
