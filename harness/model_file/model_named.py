"""Stored runs of a file of the user's go by its model's id, which follows from its name and content."""

from __future__ import annotations

from pathlib import Path


def model_named(text: str) -> str:
    """The id of a model, or that which a file with this name and content has where no --name was given.

    Raises UsageError for a file that cannot be read.
    """
    from latency_bench.harness.export.formats import format_of_file
    from latency_bench.harness.model_file.open_file import model_id_of

    format_ = format_of_file(Path(text))
    return text if format_ is None else model_id_of(Path(text), format_)
