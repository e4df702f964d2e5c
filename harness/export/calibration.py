"""Inputs that the ranges of activations are taken from, where these become integers: the user's, or seeded draws.

What a user brings, a folder of images or an .npz file, becomes one .npz file: an array an input by its name, of shape
(samples, *the input's own), float32 or the input's type, as the model is fed it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.array_file import UnreadableArraysError, named_arrays
from latency_bench.harness.export.check_image import image_values
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.image_file import ENDINGS, FORMATS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from latency_bench.harness.export.options import ExportOptions
    from latency_bench.model_specs.spec import ModelSpec

    Arrays = dict[str, npt.NDArray[np.generic]]

MOST_IMAGES = 128
MOST_BYTES = 1 << 30
"""Of the values: calibration keeps them in memory together."""


def calibration_samples(spec: ModelSpec, options: ExportOptions) -> tuple[dict[str, torch.Tensor], ...]:
    """Inputs by name with the batch, one dictionary a request. Raises ExportError as `read_calibration`."""
    from latency_bench.harness.export.reference import calibration_inputs

    if options.calibration is None:
        return calibration_inputs(spec, options.batch, options.input_seed)
    import torch

    arrays = read_calibration(options.calibration, spec)
    count = len(next(iter(arrays.values())))
    batches = [
        [index % count for index in range(first, first + options.batch)] for first in range(0, count, options.batch)
    ]
    return tuple({name: torch.from_numpy(values[batch].copy()) for name, values in arrays.items()} for batch in batches)


def calibration_facts(options: ExportOptions, count: int) -> dict[str, Any]:
    """For the record: what the ranges come from, and how many requests."""
    return {"source": "seeded" if options.calibration is None else "brought", "requests": count}


def read_calibration(path: Path, spec: ModelSpec) -> Arrays:
    """The arrays of an .npz file in the order of the spec. Raises ExportError where they do not fit the model."""
    try:
        arrays = named_arrays(path)
    except UnreadableArraysError as error:
        raise ExportError(f"{path.name} cannot be read as an .npz file of arrays: {error}") from None
    wanted = [tensor.name for tensor in spec.inputs]
    if set(arrays) != set(wanted):
        raise ExportError(
            f"{path.name} has arrays called {', '.join(sorted(arrays)) or 'nothing'}; {spec.id} has the inputs "
            f"{', '.join(wanted)}, and one array is needed for each"
        )
    for tensor in spec.inputs:
        _check_array(path, arrays[tensor.name], tensor.name, tensor.shape, tensor.dtype)
    if len({len(arrays[name]) for name in wanted}) > 1:
        raise ExportError(f"{path.name}: all arrays need the same number of samples")
    return {name: arrays[name] for name in wanted}


def _check_array(path: Path, values: npt.NDArray[Any], name: str, shape: tuple[int, ...], dtype: str) -> None:
    import numpy as np

    if values.ndim == 0 or len(values) == 0 or values.shape[1:] != tuple(shape) or str(values.dtype) != dtype:
        raise ExportError(
            f"{path.name}: {name} is {values.dtype} of shape {list(values.shape)}; {dtype} of shape "
            f"[samples, {', '.join(map(str, shape))}] is needed, as the model is fed it"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ExportError(f"{path.name}: {name} has values that are not finite")


def write_image_calibration(folder: Path, spec: ModelSpec, path: Path) -> None:
    """The images of a folder, in the order of their names, as the model is fed them; at most MOST_IMAGES of them, and
    MOST_BYTES of values.

    Raises ExportError where there is none, one cannot be read, or the model takes more than one photograph.
    """
    import numpy as np

    from bench_worker.outputs import save

    tensor = spec.inputs[0]
    if len(spec.inputs) != 1 or not tensor.is_photograph:
        raise ExportError(f"{spec.id} does not take one image of three channels: bring its inputs as an .npz file")
    images = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in ENDINGS and entry.is_file())
    if not images:
        raise ExportError(
            f"{folder} has no images directly in it, and its sub-folders are not read; these formats can be read: "
            f"{', '.join(FORMATS)}"
        )
    of_one = 4 * int(np.prod(tensor.shape))
    most = max(1, min(MOST_IMAGES, MOST_BYTES // of_one))
    save(str(path), {tensor.name: np.concatenate([image_values(image, tensor, 1) for image in images[:most]])})
