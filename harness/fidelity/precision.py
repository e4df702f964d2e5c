"""Did it run in the precision that was asked for? A runtime may fall back to fp32 without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latency_bench.devices.declarations import known_precision
from latency_bench.harness.store.outcome import FidelityRecord

LEAST_SHARE = 0.5
"""Of the layers that compute. Some of them stay in float32 on purpose (sums, divisions: docs/nvidia.md)."""


def judged_precision(precision: str) -> str:
    """Whose limits outputs are held to. A file of the user's may have a precision that nobody can ask for: what it
    computes is its own doing, and held to what two correct implementations of it differ by."""
    declared = known_precision(precision)
    return "fp32" if declared is None else declared.judged_as or precision


def check_precision(fidelity: FidelityRecord, precision: str, loaded: Mapping[str, Any]) -> FidelityRecord:
    """`fidelity`, not passed where most layers computed in another precision than the one asked for."""
    counted = other_precision(precision, loaded)
    if counted is None or fidelity.passed is False:
        return fidelity
    return fidelity.model_copy(update={"passed": False, "reason": f"{precision} was asked for, and {counted}"})


def other_precision(precision: str, loaded: Mapping[str, Any]) -> str | None:
    """`only 0 of 76 layers compute in it (76 in float32)`, from the `layer_precisions` of a runtime that tells them;
    None where they are not told, or at least half of the layers compute in `precision`."""
    found = loaded.get("layer_precisions")
    asked_for = known_precision(precision)
    # What is quantised computes in fp32 between the layers with weights, on purpose.
    if asked_for is None or asked_for.quantised or asked_for.computes_in == "float32":
        return None
    if not isinstance(found, Mapping) or not found:
        return None
    total = sum(int(count) for count in found.values())
    asked = int(found.get(asked_for.computes_in, 0))
    if total == 0 or asked / total >= LEAST_SHARE:
        return None
    counted = ", ".join(f"{count} in {name}" for name, count in sorted(found.items()))
    return f"only {asked} of {total} layers compute in it ({counted})"
