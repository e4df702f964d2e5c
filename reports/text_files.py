"""A report's file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

from latency_bench.harness.store.durable import replacing
from latency_bench.harness.store.errors import StoreError


def write_text(path: Path, text: str) -> Path:
    """Write a file with the folders above it, and return its place. Raises StoreError where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode("utf-8", "replace"))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; choose another place with --to") from error
    return path
