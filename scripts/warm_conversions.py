"""Conversions of models in warm processes: torch and the converters are imported once for all of them."""

from __future__ import annotations

import subprocess
import types
from typing import Any

from warm_python import WarmProcess

IMPORTED = (
    "PIL.Image",
    "ai_edge_litert.interpreter",
    "ai_edge_quantizer",
    "filelock",
    "litert_torch",
    "onnx",
    "onnxscript",
    "onnxslim",
    "psutil",
    "pydantic",
    "torch",
    "torch.export",
    "torch.onnx",
    "yaml",
)
"""Libraries alone, of those that start no thread: which of our modules a conversion meets is what tests are about."""


def use(server: str) -> None:
    """From now on this process has its conversions done by the server at this socket."""
    from latency_bench.harness.export import process

    def popen(command: list[str], **options: Any) -> WarmProcess:
        _, dash_m, module, *words = command
        assert dash_m == "-m", command
        return WarmProcess(server, module, words, **options)

    # The module's own name for it, so that nothing else is changed.
    process.subprocess = types.SimpleNamespace(Popen=popen, PIPE=subprocess.PIPE)  # type: ignore[attr-defined]
