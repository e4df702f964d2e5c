"""Fidelity: an artifact that does not compute the model gets no number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.export import Artifact
from latency_bench.harness.fidelity.outputs import MIN_ARGMAX_AGREEMENT, MIN_COSINE, Fidelity, compare_outputs
from latency_bench.harness.fidelity.precision import judged_precision
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.store.outcome import FidelityRecord
from latency_bench.model_specs.spec import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.floating[Any]]


LEAST_CHANGE = 3
"""Times the error: what the outputs have to change by from one input to another, for the error to prove anything."""


class FidelityError(DeviceError):
    """What ran does not compute the model."""

    kind = "fidelity"

    def __init__(self, fidelity: FidelityRecord) -> None:
        super().__init__(
            f"what ran does not compute the model: {fidelity.reason}",
            "try another --runtime; `bench export` gives the file to look into",
        )


def check_fidelity(
    spec: ModelSpec | FileSpec,
    artifact: Artifact,
    outputs: Path | None,
    precision: str = "fp32",
    no_outputs_because: str | None = None,
) -> FidelityRecord:
    """Compare what the device computed with the fp32 module, by value. `passed` is None, not checked, where the runner
    says why it has no outputs to give, or where there is no module."""
    import numpy as np

    if artifact.reference is None:
        return FidelityRecord(
            passed=None,
            reason="the model file was supplied by the user, without a --reference to check it against",
        )
    if outputs is None and no_outputs_because:
        return FidelityRecord(passed=None, reason=no_outputs_because)
    if outputs is None:
        return FidelityRecord(passed=False, reason="the device sent no outputs to check")
    with np.load(outputs, allow_pickle=False) as file:
        named = {name: file[name] for name in file.files}
    names = [tensor.name for tensor in artifact.outputs]
    if set(names) != set(named) and len(names) == len(named):
        # Some runtimes have no names for outputs (a torch.export program); their order is the artifact's.
        named = dict(zip(names, named.values(), strict=True))
    deployed = {
        tensor.name: _channel_first(named[tensor.name], tensor.layout)
        for tensor in artifact.outputs
        if tensor.name in named
    }
    with np.load(artifact.reference, allow_pickle=False) as file:
        reference = {name: file[name] for name in file.files}
    classes = [output.name for output in spec.outputs] if spec.task == "segmentation" else []
    fidelity = compare_outputs(
        reference,
        deployed,
        precision=judged_precision(precision),
        class_outputs=classes,
        at_least_relative=spec.tolerance.max_relative_error if spec.tolerance else 0.0,
    )
    blind = blind_reason(fidelity, artifact.facts.get("output_changes"))
    return _record(fidelity) if blind is None else FidelityRecord(passed=None, reason=blind)


def blind_reason(fidelity: Fidelity, changes: object) -> str | None:
    """Why outputs that agree prove nothing; None where they do, or do not agree.

    `changes`: how far the module's own outputs move from one input to another, by output (reference.py). An artifact
    that was fed another input would be off by about that much, so the error has to be a third of it at most.
    """
    if not fidelity.passed or not isinstance(changes, dict):
        return None
    for output in fidelity.outputs:
        change = changes.get(output.name)
        if output.max_absolute_error is None:
            error = None if output.argmax_agreement is None else 1 - output.argmax_agreement
        else:
            error = output.max_absolute_error
        if isinstance(change, (int, float)) and error is not None and (change == 0 or LEAST_CHANGE * error > change):
            return (
                f"the outputs hardly depend on the input: {output.name} changes by {change:.1e} from one input to "
                f"another, and lies {error:.1e} off; load trained --weights to have it checked"
            )
    return None


def _channel_first(array: Array, layout: str) -> Array:
    return array.transpose(0, 3, 1, 2) if layout == "NHWC" and array.ndim == 4 else array


def _record(fidelity: Fidelity) -> FidelityRecord:
    return FidelityRecord(
        passed=fidelity.passed,
        metrics={
            one.name: {
                **(
                    {}
                    if one.cosine is None
                    else {
                        "max_abs": one.max_absolute_error,
                        "max_rel": one.max_relative_error,
                        "cosine": one.cosine,
                        "psnr_db": one.psnr_db,
                    }
                ),
                **({} if one.argmax_agreement is None else {"argmax_agreement": one.argmax_agreement}),
            }
            for one in fidelity.outputs
        },
        tolerance={
            "max_rel": fidelity.max_relative_error,
            "cosine": MIN_COSINE[fidelity.precision],
            "argmax_agreement": MIN_ARGMAX_AGREEMENT[fidelity.precision],
        },
        reason=fidelity.reason,
    )
