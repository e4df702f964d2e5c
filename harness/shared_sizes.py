"""Sizes and values that are given once for several files: each file takes those whose names it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latency_bench.harness.case_options import OF_FILES, CaseOptions
from latency_bench.harness.errors import UsageError


def narrowed(requests: Sequence[CaseOptions]) -> list[CaseOptions]:
    """The requests, those for files with the names of inputs and sizes that their own file has. Raises UsageError for a
    name that none of the files has, and as reading a file does; a single file is left to be checked when it is opened.
    """
    files = list(dict.fromkeys(request.file for request in requests if request.file is not None))
    if len(files) < 2 or not any(_named(request) for request in requests):
        return list(requests)
    names = {file: _names_of(*file) for file in files}
    for field in ("shapes", "dimensions", "inputs"):
        for name in (name for request in requests if request.file is not None for name in getattr(request, field)):
            if not any(name in of_file[field] for of_file in names.values()):
                raise UsageError(
                    f"{OF_FILES[field]} {name}: none of the files has an input or an open size of that name"
                )
    return [_narrowed(request, names) for request in requests]


def _named(request: CaseOptions) -> bool:
    return request.file is not None and bool(request.shapes or request.dimensions or request.inputs)


def _narrowed(request: CaseOptions, names: Mapping[Any, Mapping[str, set[str]]]) -> CaseOptions:
    if request.file is None:
        return request
    own = names[request.file]
    kept = {
        field: {name: value for name, value in getattr(request, field).items() if name in known}
        for field, known in own.items()
    }
    return request.model_copy(update=kept)


def _names_of(path: Any, format_: str) -> dict[str, set[str]]:
    """By field of CaseOptions, the names that may be given for a file."""
    from latency_bench.harness.export.formats import find_format
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.model_file.open_file import read_interface

    require([*find_format(format_).reading_modules])
    inputs = read_interface(path, format_).inputs
    tensors = {tensor.name for tensor in inputs}
    sizes = {size for tensor in inputs for size in tensor.shape or () if isinstance(size, str) and size}
    return {"shapes": tensors, "dimensions": sizes, "inputs": tensors}
