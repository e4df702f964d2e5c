"""What libraries are told before they are imported, so that they do nothing beside their work."""

import os
import sys
from typing import MutableMapping

TORCH_CACHES = "TORCHINDUCTOR_CACHE_DIR"
"""The folder of what torch compiles."""


def send_nothing(environment: MutableMapping[str, str]) -> None:
    """ONNX Runtime collects telemetry of its use unless it is told not to (1.31 does, on Linux): in a thread beside
    what is measured, and with a file `.ses` in the folder for temporary files."""
    environment.setdefault("ORT_DISABLE_TELEMETRY", "1")


def keep_caches_here() -> None:
    """torch makes this folder when parts of it are imported, and would leave it in the one for temporary files. The
    current folder is the session's, and is removed with it."""
    os.environ.setdefault(TORCH_CACHES, os.path.join(os.getcwd(), "torchinductor"))


def without_openvino_telemetry() -> None:
    """openvino and nncf tell their makers over the network that they were imported, and keep files in ~/intel, where
    this package of theirs can be imported; they go on without it. Before either is imported."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
