"""From a file's path to what is measured: read, frozen, its open sizes closed, its inputs filled."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_worker.job import DTYPES
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.artifact import Artifact, Tensor
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.format import FileTensor, Format, Interface
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.frozen_files import FrozenFile, freeze
from latency_bench.harness.model_file.file_request import FileRequest
from latency_bench.harness.model_file.file_spec import FileInput, FileSpec
from latency_bench.harness.model_file.image_axes import IMAGE_RANK, resolution_of
from latency_bench.harness.model_file.input_values import (
    drawn_range,
    frozen_values,
    given_number,
    inputs_as_said,
    shape_of_file,
)
from latency_bench.harness.model_file.reference_values import check_reference
from latency_bench.harness.model_file.sizes import ClosedShapes, closed_shapes

_ID_DIGITS = 8


@dataclass(frozen=True)
class ModelFile:
    """A file as what is measured (for the record) and as an artifact (for the device)."""

    spec: FileSpec
    artifact: Artifact


def open_model_file(path: Path, format_: str, request: FileRequest | None = None) -> ModelFile:
    """Read the interface of a file of a format that can be brought, and settle what it leaves open.

    What is read, and measured later, is a copy in the cache. Raises UsageError for a file that is none, for tensors
    that nothing can be made for, and for sizes that stay open; CacheError where the copy cannot be kept.
    """
    request = request or FileRequest()
    target = find_format(format_)
    frozen, interface = _read(path, target)
    if not interface.stated:
        interface = dataclasses.replace(interface, inputs=inputs_as_said(path.name, request))
    _refuse_other_than_tensors(path.name, interface)
    request = _with_shapes_of_values(request)
    closed = closed_shapes(path.name, interface.inputs, request)
    if request.reference is not None:
        check_reference(request.reference, interface.outputs if interface.stated else None)
    inputs = tuple(
        _file_input(tensor, shape, asked, request)
        for tensor, shape, asked in zip(interface.inputs, closed.shapes, closed.asked, strict=True)
    )
    spec = FileSpec(
        id=request.name or _model_id(path, frozen),
        title=path.name.encode("utf-8", "replace").decode(),
        sha256=frozen.content_sha256,
        inputs=inputs,
        outputs=interface.outputs,
        precision=interface.precision,
        batch=_batch(inputs, closed, request),
        resolution=resolution_of(closed.shapes, target.channels_last),
    )
    return ModelFile(spec, _artifact(spec, frozen, target.name, request))


def read_interface(path: Path, format_: str) -> Interface:
    """What a file says of itself. Raises as `open_model_file`."""
    return _read(path, find_format(format_))[1]


def _read(path: Path, target: Format) -> tuple[FrozenFile, Interface]:
    with _as_usage_error():
        frozen = freeze(path, target.external_data)
        return frozen, target.read(frozen.path)


def model_id_of(path: Path, format_: str) -> str:
    """What a file's model is called where it is given no name. Raises as `open_model_file`."""
    with _as_usage_error():
        return _model_id(path, freeze(path, find_format(format_).external_data))


def _artifact(spec: FileSpec, frozen: FrozenFile, format_: str, request: FileRequest) -> Artifact:
    return Artifact(
        path=frozen.path,
        format=format_,
        sha256=frozen.sha256,
        size_bytes=frozen.size_bytes,
        inputs=tuple(Tensor(one.name, one.shape, one.dtype, "NCHW") for one in spec.inputs),
        # What the file leaves open of an output is 0 here: only the runtime knows.
        outputs=tuple(
            Tensor(one.name, tuple(size if isinstance(size, int) else 0 for size in one.shape or ()), one.dtype, "NCHW")
            for one in spec.outputs
        ),
        reference=None if request.reference is None else freeze(request.reference).path,
        external_data=frozen.beside,
        content_sha256=frozen.content_sha256,
        facts={"brought": spec.title, "precision": spec.precision},
    )


@contextlib.contextmanager
def _as_usage_error() -> Iterator[None]:
    """Raises UsageError for a file that is none of the format."""
    try:
        yield
    except ExportError as error:
        raise UsageError(str(error)) from error


def _refuse_other_than_tensors(file: str, interface: Interface) -> None:
    for what, tensors in (("input", interface.inputs), ("output", interface.outputs)):
        for tensor in tensors:
            if tensor.dtype not in DTYPES:
                raise UsageError(
                    f"{file}: {what} {tensor.name} is of type {tensor.dtype}, which cannot be fed or read; cut the "
                    f"model off there. Tensors of these types can be: {', '.join(DTYPES)}"
                )


def _with_shapes_of_values(request: FileRequest) -> FileRequest:
    """An array that is fed has a shape: it closes what the file leaves open."""
    shapes = {
        name: shape_of_file(f"--input {name}={text}", Path(text))
        for name, text in request.values.items()
        if given_number(text) is None and name not in request.shapes
    }
    return dataclasses.replace(request, shapes={**request.shapes, **shapes})


def _file_input(tensor: FileTensor, shape: tuple[int, ...], size_asked: bool, request: FileRequest) -> FileInput:
    plain = FileInput(tensor.name, shape, tensor.dtype, **drawn_range(tensor.dtype, shape), size_asked=size_asked)
    if tensor.name not in request.values:
        return plain
    frozen, text = frozen_values(tensor.name, request.values[tensor.name], tensor.dtype, shape)
    return dataclasses.replace(plain, values=frozen.path, values_sha256=frozen.sha256, values_text=text)


def _batch(inputs: Sequence[FileInput], closed: ClosedShapes, request: FileRequest) -> int:
    """Images per request: what an open batch is set to, else the first size of the first image; 1 for anything else."""
    if closed.batch is not None:
        return closed.batch
    return next((one.shape[0] for one in inputs if len(one.shape) == IMAGE_RANK and one.shape[0] > 0), 1)


def _model_id(path: Path, frozen: FrozenFile) -> str:
    """`file-`, what of the file's name may be part of a path, and the beginning of its hash."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-")
    return f"file-{plain[:50] or 'model'}-{frozen.content_sha256[:_ID_DIGITS]}"
