"""Fidelity: an artifact that does not compute the model gets no number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.inputs import NOISE
from latency_bench.harness.fidelity.input_verdict import InputVerdict, judge_input
from latency_bench.harness.fidelity.outputs import compare_outputs
from latency_bench.harness.fidelity.precision import judged_precision
from latency_bench.harness.fidelity.recording import fidelity_record
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.store.outcome import FidelityRecord
from latency_bench.model_specs.spec import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.floating[Any]]

GIVEN = "values given"
"""What a record calls the inputs of a file that come from --input."""


class FidelityError(DeviceError):
    """What ran does not compute the model, or not in the precision that was asked for."""

    kind = "fidelity"

    def __init__(self, fidelity: FidelityRecord, brought: bool = False, by_values: bool = True) -> None:
        """`brought`: the file is the user's. `by_values`: the outputs say so, and not the runtime's layers."""
        if not by_values:
            super().__init__(
                f"what ran computes in another precision: {fidelity.reason}", "try another --precision or --runtime"
            )
            return
        super().__init__(
            f"what ran does not compute the model: {fidelity.reason}",
            "look at the file, at the values it is fed (--input) and at what it is held to, or try another --runtime"
            if brought
            else "try another --runtime; `bench export` gives the file to look into",
        )


def check_fidelity(
    spec: ModelSpec | FileSpec,
    artifact: Artifact,
    outputs: Path | None,
    precision: str = "fp32",
    no_outputs_because: str | None = None,
    check_outputs: Mapping[str, Path] | None = None,
) -> FidelityRecord:
    """Compare what the device computed with the fp32 module, by value: `outputs` for the timed inputs, `check_outputs`
    for each further set of inputs. `passed` is None, not checked, where the runner says why it has no outputs to give,
    where there is no module, and where no input can tell a right output from a wrong one."""
    if artifact.reference is None:
        return FidelityRecord(
            passed=None,
            reason="the model file was supplied by the user, without --reference or --original to check it against",
        )
    if outputs is None and no_outputs_because:
        return FidelityRecord(passed=None, reason=no_outputs_because)
    references = {NOISE: artifact.reference, **artifact.check_references}
    files = {NOISE: outputs, **(check_outputs or {})}
    missing = [name for name in references if files.get(name) is None]
    if missing:
        what = "" if missing == list(references) else f" for the inputs {', '.join(missing)}"
        return FidelityRecord(passed=False, reason=f"the device sent no outputs to check{what}")
    return fidelity_record(
        [_judged(spec, artifact, name, reference, files[name], precision) for name, reference in references.items()]
    )


def _judged(
    spec: ModelSpec | FileSpec, artifact: Artifact, name: str, reference: Path, outputs: Path | None, precision: str
) -> InputVerdict:
    """What the outputs for one set of inputs say."""
    assert outputs is not None
    rounding_errors = _of_input(artifact.facts.get("rounding_errors"), name)
    fidelity = compare_outputs(
        _named_reference(artifact, _arrays(reference)),
        named_as_in(artifact, _arrays(outputs)),
        precision=judged_precision(precision),
        class_outputs=[output.name for output in spec.outputs] if spec.task == "segmentation" else [],
        score_outputs=[output.name for output in spec.outputs] if spec.task == "classification" else [],
        at_least_relative=spec.tolerance.max_relative_error if spec.tolerance else 0.0,
        rounding_errors=rounding_errors,
    )
    shown = GIVEN if _is_given(spec) else name
    return judge_input(shown, fidelity, _of_input(artifact.facts.get("output_changes"), name), rounding_errors)


def _is_given(spec: ModelSpec | FileSpec) -> bool:
    """Whether a file is fed values of the user's, and no noise."""
    return isinstance(spec, FileSpec) and any(one.values is not None for one in spec.inputs)


def _named_reference(artifact: Artifact, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """The one array that a user gives for the one output of a file needs no name (reference_values.py)."""
    if len(arrays) == len(artifact.outputs) == 1:
        return {artifact.outputs[0].name: next(iter(arrays.values()))}
    return arrays


def _of_input(fact: object, name: str) -> dict[str, float]:
    """What a fact of the export says of one set of inputs, by output."""
    entry = fact.get(name) if isinstance(fact, dict) else None
    values = entry if isinstance(entry, dict) else {}
    return {output: float(value) for output, value in values.items() if isinstance(value, (int, float))}


def named_as_in(artifact: Artifact, outputs: Mapping[str, Array]) -> dict[str, Array]:
    """What a device gave by the artifact's names, channel-first."""
    named = dict(outputs)
    names = [tensor.name for tensor in artifact.outputs]
    if not names:  # of a file that is not read on this computer
        return named
    if set(names) != set(named) and len(names) == len(named):
        # Some runtimes have no names for outputs (a torch.export program); their order is the artifact's.
        named = dict(zip(names, named.values(), strict=True))
    return {
        tensor.name: _channel_first(named[tensor.name], tensor.layout)
        for tensor in artifact.outputs
        if tensor.name in named
    }


def _arrays(path: Path) -> dict[str, Array]:
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _channel_first(array: Array, layout: str) -> Array:
    return array.transpose(0, 3, 1, 2) if layout == "NHWC" and array.ndim == 4 else array
