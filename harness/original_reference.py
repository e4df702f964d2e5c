"""What a file has to compute, told by the model that it was converted from: that one runs on this computer, on the same
values, and its outputs are the reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.errors import UsageError
from latency_bench.harness.model_file.likeness import axes_between, counterparts
from latency_bench.harness.model_file.original import Original

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bench_worker.job import InputTensor
    from latency_bench.harness.case import Case
    from latency_bench.harness.export.artifact import Artifact
    from latency_bench.harness.export.format import FileTensor
    from latency_bench.harness.model_file.file_spec import FileSpec

    Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]

_ANOTHER = "another"
_ANOTHER_SEED = 77_000


def with_reference_of(
    original: Original, spec: FileSpec, artifact: Artifact, progress: Callable[[str], None]
) -> Artifact:
    """The artifact of a file with the original's outputs as its reference, and with what they change by from one draw
    of the inputs to another.

    Raises UsageError where the two do not take and give the same, or the original does not run here.
    """
    from bench_worker.outputs import save
    from latency_bench.harness.export.inputs import NOISE
    from latency_bench.harness.frozen_files import freeze

    with TemporaryFolder("original") as folder:
        try:
            file = original.file or _exported(original.text, spec, progress)
            progress(f"computing what {original.text} gives")
            case, outputs = _Comparison(spec, artifact.format, file).run(folder)
        except UsageError as error:
            raise UsageError(f"--original {original.text}: {error}") from None
        save(str(folder / "reference.npz"), outputs[NOISE])
        reference = freeze(folder / "reference.npz").path
    assert case.file is not None
    facts: dict[str, Any] = {"original": {"model": original.text, "sha256": case.file.sha256, "runtime": case.runtime}}
    if _ANOTHER in outputs:
        facts["output_changes"] = {NOISE: _changes(outputs[NOISE], outputs[_ANOTHER])}
    return dataclasses.replace(artifact, reference=reference, facts={**artifact.facts, **facts})


def _exported(model_id: str, spec: FileSpec, progress: Callable[[str], None]) -> tuple[Path, str]:
    """A model of the catalog as an ONNX file, at the size and batch of the file that is held to it."""
    from latency_bench.harness.export import ExportOptions, export_artifact
    from latency_bench.model_specs import load_spec

    model = load_spec(model_id)
    try:
        model = model if model.resolution == spec.resolution else model.at(spec.resolution)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return export_artifact(model, "onnx", ExportOptions(batch=spec.batch), progress=progress).path, "onnx"


class _Comparison:
    """A file's tensors beside the original's."""

    def __init__(self, spec: FileSpec, format_: str, original: tuple[Path, str]) -> None:
        from latency_bench.harness.export.formats import find_format
        from latency_bench.harness.model_file.open_file import read_interface

        self._spec = spec
        self._original = original
        self._converted = find_format(format_).channels_last != find_format(original[1]).channels_last
        interface = read_interface(*original)
        self._inputs = counterparts("input", [one.name for one in spec.inputs], interface.inputs)
        # Of a file whose outputs nobody can read here, they are taken to have the original's names.
        self._named = spec.outputs or interface.outputs
        self._outputs = counterparts("output", [one.name for one in self._named], interface.outputs)
        self._output_names = [one.name for one in interface.outputs]

    def run(self, folder: Path) -> tuple[Case, dict[str, Arrays]]:
        """The original's case, and its outputs as the file has them, by set of inputs: those that the file is fed, and
        where any of them is drawn, another draw. `folder` is for files. Raises UsageError."""
        from latency_bench.harness.case import INPUT_SEED
        from latency_bench.harness.export.inputs import NOISE

        case = self._case(INPUT_SEED, folder)
        drawn = any(one.values is None for one in self._spec.inputs)
        others = {_ANOTHER: self._case(_ANOTHER_SEED, folder)} if drawn else {}
        computed = _computed(case, others, folder)
        return case, {name: self._as_in_file(computed[name]) for name in (NOISE, *others)}

    def _case(self, seed: int, folder: Path) -> Case:
        """The original, fed what the file is fed where its inputs are drawn from `seed`."""
        from bench_worker.job import InputTensor
        from latency_bench.devices.device import Device
        from latency_bench.harness.case_options import CaseOptions, case_of

        values = {}
        for number, (described, other) in enumerate(zip(self._spec.describe_inputs(seed), self._inputs, strict=True)):
            tensor = InputTensor(**{**described, "shape": tuple(described["shape"])})
            values[other.name] = self._saved(tensor, other, folder / f"{seed}-{number}.npy")
        options = CaseOptions(file=self._original, inputs=values, protocol="quick", rounds=1)
        return case_of(options, single=True, device=Device(name="local"))

    def _saved(self, tensor: InputTensor, other: FileTensor, path: Path) -> str:
        """The values of an input of the file, written as the original wants them."""
        import numpy as np

        from bench_worker.inputs import generate
        from bench_worker.runtime.tensors import from_bfloat16

        axes = axes_between(tensor.shape, other.shape, self._converted)
        if axes is None or ("float" in tensor.dtype) != ("float" in other.dtype):
            raise UsageError(
                f"the file's input {tensor.name} is {tensor.dtype} {_sizes(tensor.shape)}, and the other's "
                f"{other.name} is {other.dtype} {_sizes(other.shape)}: they cannot be fed the same values"
            )
        drawn = generate(tensor)
        values = from_bfloat16(drawn) if tensor.dtype == "bfloat16" else drawn
        np.save(path, values.transpose(axes), allow_pickle=False)
        return str(path)

    def _as_in_file(self, arrays: Arrays) -> Arrays:
        """The original's outputs under the names and in the order of dimensions that the file has."""
        import numpy as np

        if arrays.keys() != set(self._output_names):  # a runtime without names for outputs has their order
            arrays = dict(zip(self._output_names, arrays.values(), strict=True))
        named = {}
        for tensor, other in zip(self._named, self._outputs, strict=True):
            array = arrays[other.name]
            axes = axes_between(array.shape, tensor.shape, self._converted)
            if axes is None:
                raise UsageError(
                    f"the file's output {tensor.name} is {_sizes(tensor.shape)}, and the other's {other.name} is "
                    f"{_sizes(array.shape)}"
                )
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise UsageError(f"its own output {other.name} is not finite, and nothing can agree with that")
            named[tensor.name] = array.transpose(axes)
        return named


def _computed(case: Case, others: Mapping[str, Case], folder: Path) -> dict[str, Arrays]:
    """What the original gives on this computer for the case's inputs, and for those of others of its cases."""
    from latency_bench.devices.errors import DeviceError
    from latency_bench.devices.opening import open_device
    from latency_bench.harness.case import choose_cpus, shortest
    from latency_bench.harness.export.inputs import NOISE

    artifact = case.artifact
    assert artifact is not None
    try:
        with open_device(case.device) as session:
            cpus = choose_cpus(case, session)
            checks = {name: other.round_request(artifact, cpus).inputs for name, other in others.items()}
            job = dataclasses.replace(shortest(case.round_request(artifact, cpus)), checks=checks)
            deployment = session.deploy(artifact.path, artifact.sha256, artifact.external_data)
            result = session.measure(deployment, job, folder / "outputs.npz", lambda _: None)
            files = {NOISE: result.outputs, **result.check_outputs}
            return {name: _arrays(path) for name, path in files.items() if path is not None}
    except DeviceError as error:
        raise UsageError(f"it does not run on {case.runtime} here: {error.message}") from error


def _arrays(path: Path) -> Arrays:
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _changes(outputs: Arrays, others: Arrays) -> dict[str, float]:
    """By output the largest difference, of integers the share that differs. An output of another size is left out: that
    it changes is plain, by how much nobody can say."""
    import numpy as np

    changes = {}
    for name, array in outputs.items():
        other = others[name]
        if array.shape != other.shape or not array.size:
            continue
        if array.dtype.kind == "f":
            changes[name] = float(np.abs(array.astype(np.float64) - other.astype(np.float64)).max())
        else:
            changes[name] = float((array != other).mean())
    return changes


def _sizes(shape: tuple[int | str, ...] | None) -> str:
    if shape is None:
        return "of any number of dimensions"
    return "x".join(str(size) or "?" for size in shape) or "a scalar"
