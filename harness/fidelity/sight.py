"""Does the check see? What it says of a module's right outputs, and of those for other inputs, which are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.harness.export.inputs import NOISE, check_names
from latency_bench.harness.export.reference import output_changes, run_module, seeded_inputs
from latency_bench.harness.fidelity.input_verdict import judge_input
from latency_bench.harness.fidelity.outputs import compare_outputs
from latency_bench.harness.fidelity.recording import fidelity_record
from latency_bench.harness.store.outcome import FidelityRecord

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from latency_bench.model_specs.spec import ModelSpec

    Arrays = dict[str, npt.NDArray[np.floating]]

_ANOTHER_SEED = 77_000


@dataclass(frozen=True)
class Sight:
    """What the check says of the module's own outputs, and of its outputs for another draw of every input."""

    of_right: FidelityRecord
    of_another: FidelityRecord

    @property
    def is_blind_pass(self) -> bool:
        return self.of_another.passed is True


def sight(module: torch.nn.Module, spec: ModelSpec, precisions: tuple[str, ...]) -> dict[str, Sight]:
    """By precision, whose limits the check applies. Runs the module six times at most."""
    names = (NOISE, *check_names(spec, with_image=False))
    references, changes, others = {}, {}, {}
    for name in names:
        outputs = run_module(module, spec, seeded_inputs(spec, 1, 0, name))
        references[name] = _arrays(outputs)
        changes[name] = output_changes(module, spec, 1, 0, outputs, name)
        others[name] = _arrays(run_module(module, spec, seeded_inputs(spec, 1, _ANOTHER_SEED, name)))
    return {
        precision: Sight(
            _judged(spec, precision, references, references, changes),
            _judged(spec, precision, references, others, changes),
        )
        for precision in precisions
    }


def _judged(
    spec: ModelSpec,
    precision: str,
    references: dict[str, Arrays],
    deployed: dict[str, Arrays],
    changes: dict[str, dict[str, float]],
) -> FidelityRecord:
    classes = [output.name for output in spec.outputs] if spec.task == "segmentation" else []
    return fidelity_record(
        [
            judge_input(
                name,
                compare_outputs(
                    reference,
                    deployed[name],
                    precision=precision,
                    class_outputs=classes,
                    at_least_relative=spec.tolerance.max_relative_error if spec.tolerance else 0.0,
                ),
                changes[name],
                {},
            )
            for name, reference in references.items()
        ]
    )


def _arrays(outputs: dict[str, torch.Tensor]) -> Arrays:
    return {name: tensor.numpy() for name, tensor in outputs.items()}
