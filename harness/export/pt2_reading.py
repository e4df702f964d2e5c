"""What a program saved by torch.export says of itself, read from the JSON in its archive: nothing of it is run."""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.file_precision import precision_of
from latency_bench.harness.export.foreign_file import refuse_foreign
from latency_bench.harness.export.format import FileTensor, Interface

_DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
    12: "bool", 13: "bfloat16", 28: "uint16", 34: "uint32", 35: "uint64",
}  # fmt: skip
"""Numbers of torch's ScalarType in the file (torch/_export/serde/schema.py)."""
_MOST_BYTES = 1 << 28
"""Of the description; weights lie beside it."""
_SYMBOL = re.compile(r"(?:Symbol\(')?([A-Za-z_]\w*)(?:'.*\))?", re.S)


def interface_of(path: Path) -> Interface:
    """Raises ExportError for a file that is none, is damaged, or takes or gives anything but tensors."""
    refuse_foreign(path)
    try:
        program = _program(path)
        graph = program["graph_module"]["graph"]
        tensors = graph["tensor_values"]
        signature = program["graph_module"]["signature"]
        inputs = [_name(spec["user_input"]["arg"]) for spec in signature["input_specs"] if "user_input" in spec]
        outputs = [_name(spec["user_output"]["arg"]) for spec in signature["output_specs"] if "user_output" in spec]
        parameters = [spec["parameter"]["arg"]["name"] for spec in signature["input_specs"] if "parameter" in spec]
        counts: Counter[str] = Counter()
        for name in parameters:
            counts[_dtype(tensors[name])] += math.prod(int(size.get("as_int", 1)) for size in tensors[name]["sizes"])
        taken = tuple(_file_tensor(name, tensors.get(name)) for name in inputs)
        given = tuple(_file_tensor(name, tensors.get(name)) for name in outputs)
    except ExportError:
        raise
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ExportError(f"{path.name} is damaged or was not saved by torch.export: {error}") from error
    return Interface(taken, given, precision_of(counts, [tensor.dtype for tensor in (*taken, *given)]))


def _program(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        # The newer of the two places is an archive's in PyTorch's own format.
        name = next(
            (one for one in names if re.fullmatch(r"(.*/models/model|serialized_exported_program)\.json", one)), ""
        )
        if not name:
            raise ValueError("it does not hold a model")
        if archive.getinfo(name).file_size > _MOST_BYTES:
            raise ValueError("its description is too large")
        return json.loads(archive.read(name))


def _name(argument: dict[str, Any]) -> str:
    tensor = argument.get("as_tensor")
    return str(tensor["name"]) if isinstance(tensor, dict) else ""


def _dtype(tensor: dict[str, Any]) -> str:
    return _DTYPES.get(int(tensor["dtype"]), f"of torch's type {tensor['dtype']}")


def _file_tensor(name: str, tensor: dict[str, Any] | None) -> FileTensor:
    if tensor is None:
        return FileTensor(name or "?", None, "number that is not a tensor")
    return FileTensor(name, tuple(_size(size) for size in tensor["sizes"]), _dtype(tensor))


def _size(size: dict[str, Any]) -> int | str:
    if "as_int" in size:
        return int(size["as_int"])
    symbol = _SYMBOL.fullmatch(str(size["as_expr"]["expr_str"]))
    # An expression of several sizes is open, and has no name of its own.
    return symbol[1] if symbol else ""
