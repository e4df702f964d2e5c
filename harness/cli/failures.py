"""Which errors are expected, and the exit code that each deserves."""

from __future__ import annotations

FAILED = 1
"""The measurement failed, or a gate says worse."""
WRONG_REQUEST = 2
"""The request has to change: an unknown name, a wrong file, something that is not installed."""
CANNOT_TELL = 3
"""`bench gate --strict`: neither fine nor worse was shown."""


def exit_code_of(error: BaseException) -> int | None:
    """Exit code of an expected error; None for one that is ours to mend (own_fault.py)."""
    from latency_bench.devices.errors import DeviceError, InventoryError
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.export.errors import CacheError, ExportError, MissingPackageError, UnknownFormatError
    from latency_bench.harness.store.errors import (
        ArchiveError,
        ColumnError,
        InvalidNameError,
        StoreError,
        StoreLocationError,
        UnknownRunError,
    )
    from latency_bench.model_specs.errors import CheckpointError, SpecError
    from latency_bench.reports.errors import AccuracyFileError, TableError
    from latency_bench.reports.papers.errors import PaperError
    from latency_bench.reports.plots.style import FigureError

    wrong_request = (
        UsageError,
        InventoryError,
        SpecError,
        CheckpointError,
        FigureError,
        TableError,
        AccuracyFileError,
        PaperError,
        MissingPackageError,
        UnknownFormatError,
        ArchiveError,
        ColumnError,
        InvalidNameError,
        StoreLocationError,
        UnknownRunError,
    )
    if isinstance(error, wrong_request):
        return WRONG_REQUEST
    return FAILED if isinstance(error, (DeviceError, ExportError, CacheError, StoreError)) else None
