"""What all sets of inputs say together, as the record has it."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.harness.fidelity.input_verdict import InputVerdict
from latency_bench.harness.fidelity.outputs import OutputFidelity
from latency_bench.harness.store.outcome import FidelityRecord, InputFidelityRecord


def fidelity_record(verdicts: Sequence[InputVerdict]) -> FidelityRecord:
    """Wrong on one input is wrong. Right asks for every output to be seen right on one input at least."""
    checks = tuple(map(_input_record, verdicts))
    failed = [verdict for verdict in verdicts if verdict.passed is False]
    if failed:
        return _as_on(failed[0], False, _reason(failed[0]), checks)
    names = [output.name for output in verdicts[0].fidelity.outputs]
    unseen = [name for name in names if all(name in verdict.unseen for verdict in verdicts)]
    if unseen:
        return FidelityRecord(passed=None, reason=verdicts[-1].unseen[unseen[0]], checks=checks)
    judged = [verdict for verdict in verdicts if verdict.passed]
    silent = "; ".join(verdict.reason or "" for verdict in verdicts if verdict.passed is None)
    return _as_on(max(judged, key=_share_of_limit), True, silent or None, checks)


def _reason(verdict: InputVerdict) -> str:
    return f"on the input {verdict.name}: {verdict.reason}"


def _share_of_limit(verdict: InputVerdict) -> float:
    """The largest error over what it may be."""
    return max(
        (
            output.max_relative_error / output.limits.max_relative_error
            for output in verdict.fidelity.outputs
            if output.max_relative_error is not None and output.name not in verdict.unseen
        ),
        default=0.0,
    )


def _as_on(
    verdict: InputVerdict, passed: bool, reason: str | None, checks: tuple[InputFidelityRecord, ...]
) -> FidelityRecord:
    record = _input_record(verdict)
    return FidelityRecord(
        passed=passed,
        input=verdict.name,
        metrics=record.metrics,
        tolerance=record.tolerance,
        reason=reason,
        checks=checks,
    )


def _input_record(verdict: InputVerdict) -> InputFidelityRecord:
    outputs = verdict.fidelity.outputs
    limits = [output.limits for output in outputs]
    return InputFidelityRecord(
        input=verdict.name,
        passed=verdict.passed,
        metrics={output.name: _metrics(output) for output in outputs},
        tolerance={
            "max_rel": max(limit.max_relative_error for limit in limits),
            "cosine": min(limit.cosine for limit in limits),
            "argmax_agreement": min(limit.argmax_agreement for limit in limits),
        }
        if limits
        else {},
        rounding_error=dict(verdict.rounding_errors),
        change=dict(verdict.changes),
        reason=verdict.reason,
    )


def _metrics(output: OutputFidelity) -> dict[str, float | None]:
    by_value = {
        "max_abs": output.max_absolute_error,
        "max_rel": output.max_relative_error,
        "cosine": output.cosine,
        "psnr_db": output.psnr_db,
    }
    agreement = {"argmax_agreement": output.argmax_agreement, "top1_agreement": output.top1_agreement}
    told = {name: value for name, value in agreement.items() if value is not None}
    return {**({} if output.cosine is None else by_value), **told}
