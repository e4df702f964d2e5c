"""Commands of bench in warm processes: what the commands import is imported once for all of them."""

from __future__ import annotations

import importlib

IMPORTED = (
    "filelock",
    "jinja2",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "matplotlib.font_manager",
    "onnx",
    "pandas",
    "psutil",
    "pyarrow.parquet",
    "rich.console",
    "rich.live",
    "rich.progress",
    "rich.table",
    "ruptures",
    "scipy.special",
    "scipy.stats",
    "torch",
    "torch._dynamo.utils",
    "yaml",
)


def prepare(conversions: str = "") -> None:
    """Import every command, and have their conversions done by the server at this socket."""
    from latency_bench.harness.cli.main import COMMANDS

    for place, _ in COMMANDS.values():
        importlib.import_module(place.split(":")[0])
    if conversions:
        importlib.import_module("warm_conversions").use(conversions)
