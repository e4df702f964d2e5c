"""The quantisers: one file each in this folder, its class named like the file."""

from __future__ import annotations

import importlib

from latency_bench.harness.export.quantiser import Quantiser


def find_quantiser(name: str) -> Quantiser:
    """The quantiser of this name, which a runtime or a format of ours declares."""
    module = importlib.import_module(f"{__name__}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Quantiser) and getattr(value, "name", None) == name:
            return value()
    raise AssertionError(f"quantisers/{name}.py has no quantiser of that name")
