"""What a program of ExecuTorch says of itself: its interface and its precision. Inputs and outputs have no names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench_worker.libraries.executorch_program import read_program
from bench_worker.runtime.base import TensorInfo
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.file_precision import precision_of
from latency_bench.harness.export.foreign_file import refuse_foreign
from latency_bench.harness.export.format import FileTensor, Interface


def interface_of(path: Path) -> Interface:
    """Raises ExportError for a file that is none, is damaged, or takes or gives anything but tensors. A size that a
    program has bounds for is the largest."""
    refuse_foreign(path)
    try:
        program = read_program(str(path))
    except ValueError as error:
        raise ExportError(f"{path.name} cannot be read as a program of ExecuTorch: {error}") from error
    tensors = [tensor.dtype for tensor in (*program.inputs, *program.outputs)]
    precision = precision_of(program.weighted_layers().precisions, tensors)
    return Interface(_file_tensors(program.inputs), _file_tensors(program.outputs), precision)


def _file_tensors(tensors: Sequence[TensorInfo]) -> tuple[FileTensor, ...]:
    return tuple(FileTensor(tensor.name, tuple(size or 0 for size in tensor.shape), tensor.dtype) for tensor in tensors)
