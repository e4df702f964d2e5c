"""What the outputs for one set of inputs say: right, wrong, or nothing.

Outputs that agree say nothing where they hardly depend on the input: an artifact that was fed another input would agree
too. Outputs that differ say nothing where the fp32 module itself, because rounding errors grow on this input, is off by
so much that no limit below what another input changes can be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from latency_bench.harness.fidelity.outputs import ROUNDING_LIMIT, Fidelity, OutputFidelity

LEAST_CHANGE = 3
"""Times the error: what the outputs have to change by from one input to another, for the error to prove anything."""


@dataclass(frozen=True)
class InputVerdict:
    """`unseen` has, by output, why nothing was proven for it; `passed` is None where that holds for all outputs."""

    name: str
    fidelity: Fidelity
    passed: bool | None
    reason: str | None
    unseen: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, float] = field(default_factory=dict)
    rounding_errors: Mapping[str, float] = field(default_factory=dict)


def judge_input(
    name: str, fidelity: Fidelity, changes: Mapping[str, float], rounding_errors: Mapping[str, float]
) -> InputVerdict:
    """`changes`: how far the module's own outputs move from one input to another, by output (reference.py); an output
    that is not in it is taken to be seen. `rounding_errors`: what the fp32 module is off by, by output."""
    unseen: dict[str, str] = {}
    failures = [] if fidelity.outputs or fidelity.passed else [fidelity.reason or ""]
    for output in fidelity.outputs:
        change, rounding_error = changes.get(output.name), rounding_errors.get(output.name)
        if _is_beyond_telling(output, change, rounding_error):
            unseen[output.name] = (
                f"on {name} rounding errors grow: the fp32 module itself is off by {rounding_error:.1e} in "
                f"{output.name}, and its outputs cannot be told from others"
            )
        elif output.reason is not None:
            failures.append(output.reason)
        elif _is_blind(output, change):
            unseen[output.name] = (
                f"the outputs hardly depend on the input: on {name} {output.name} changes by {change:.1e} from one "
                f"input to another, and lies {_error(output):.1e} off; load trained --weights to have it checked"
            )
    passed: bool | None = not failures
    if passed and len(unseen) == len(fidelity.outputs):
        passed = None
    reason = "; ".join(failures or unseen.values()) or None
    return InputVerdict(name, fidelity, passed, reason, unseen, dict(changes), dict(rounding_errors))


def _is_blind(output: OutputFidelity, change: float | None) -> bool:
    """An artifact that was fed another input would be off by about `change`: the error has to be a third at most."""
    return change is not None and (change == 0 or LEAST_CHANGE * _error(output) > change)


def _is_beyond_telling(output: OutputFidelity, change: float | None, rounding_error: float | None) -> bool:
    if change is None or rounding_error is None or rounding_error <= ROUNDING_LIMIT:
        return False
    if output.largest_value is None:
        return LEAST_CHANGE * (1 - output.limits.argmax_agreement) > change
    return LEAST_CHANGE * output.limits.max_relative_error * output.largest_value > change


def _error(output: OutputFidelity) -> float:
    """In the units of `output_changes`."""
    if output.max_absolute_error is not None:
        return output.max_absolute_error
    return 1 - (output.argmax_agreement or 0.0)
