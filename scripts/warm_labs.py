"""Schedulers and hosts of labs (loopback_lab.py) in warm processes: Dask, and what a host measures with, are imported
once for all of them."""

from __future__ import annotations

IMPORTED = (
    "distributed",
    "distributed.cli.dask_scheduler",
    "onnx",
    "pyarrow.parquet",
    "clock_free_device",
    "latency_bench.harness.benchmark",
    "latency_bench.harness.campaign.host",
)
SETTINGS = {
    # Hosts that a case may cost before it is given up, less one.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    # As the unit file of docs/lab.md has it.
    "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "100",
}
"""Of Dask, which reads these variables when it is imported."""
