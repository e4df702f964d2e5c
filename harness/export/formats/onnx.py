"""PyTorch -> ONNX: an exact opset, static shapes, the spec's names, simplified and checked."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.float32_layers import mark_float32_layers
from latency_bench.harness.export.format import Format, Interface
from latency_bench.harness.export.job import Conversion, ExportJob, channel_first
from latency_bench.harness.export.key import sha256_of

if TYPE_CHECKING:
    import onnx

    from latency_bench.harness.export.options import ExportOptions
    from latency_bench.model_specs.spec import ModelSpec

FIRST_DYNAMO_OPSET = 18
"""The exporter built on torch.export writes no lower opset, whatever is asked for; below, TorchScript's is used."""
FIRST_PER_CHANNEL_OPSET = 13
"""The first opset whose DequantizeLinear has one scale a channel."""
USUAL_QUANTISER = "onnxruntime"
QUANTISED = ("int8-dynamic", "int8")
MAX_PROTOBUF_BYTES = 2_000_000_000
"""A protobuf message ends at 2 GiB; with more weights than this they go to a file of their own."""
WEIGHTS_KEY = "weights_sha256"
"""Metadata of a file whose weights lie beside it: the hash of those."""


class Onnx(Format):
    """ONNX in an exact opset, beside it the weights where they are beyond 2 GB."""

    name = "onnx"
    title = "ONNX"
    suffix = ".onnx"
    precisions = ("fp32", "fp16", "int8-dynamic", "int8")
    usual_quantiser = USUAL_QUANTISER
    modules = ("torch", "onnx", "onnxslim", "onnxscript")
    reading_modules = ("onnx",)
    distributions = ("torch", "onnx", "onnxslim", "onnxscript")
    usual_runtime = "onnxruntime"
    carried = ("uint8", "float16")
    has_opset = True

    def check(self, spec: ModelSpec, options: ExportOptions) -> None:
        super().check(spec, options)
        if options.opset is not None and options.opset < spec.onnx_opset:
            raise ExportError(f"{spec.id} needs ONNX opset {spec.onnx_opset} at least, not {options.opset}")

    def export(self, job: ExportJob) -> Conversion:
        return export(job)

    def external_data(self, path: Path) -> tuple[str, ...]:
        from latency_bench.harness.export.onnx_reading import external_data

        return tuple(sorted({tensor.file for tensor in external_data(path)}))

    def read(self, path: Path) -> Interface:
        from latency_bench.harness.export.onnx_reading import (
            check_external_data,
            external_data,
            interface_of,
            read_model,
        )

        check_external_data(path, external_data(path))
        return interface_of(read_model(path))


def export(job: ExportJob) -> Conversion:
    """Write `job.path`. Raises ExportError where the result is not what was asked for."""
    import onnx

    if job.precision in QUANTISED:
        job = replace(job, opset=max(job.opset, FIRST_PER_CHANNEL_OPSET))

    model, exporter = trace(job)
    opset = saved_opset(model)
    if opset != job.opset:
        raise ExportError(f"opset {job.opset} was asked for, but the exporter saved opset {opset}")
    nodes_traced = len(model.graph.node)
    model = simplify(model)
    declare_outputs(model, {name: tuple(tensor.shape) for name, tensor in job.outputs.items()})
    if job.precision == "fp16":
        from latency_bench.harness.export.half_precision import to_half

        kept = to_half(model)
    elif job.precision == "fp32":
        mark_float32_layers(model.graph)
    external_data = save(model, job.path)
    quantization: dict[str, Any] = {}
    if job.precision in QUANTISED:
        if external_data:
            raise ExportError(f"a model beyond {MAX_PROTOBUF_BYTES} bytes cannot be made {job.precision}")
        quantization = {"quantization": quantise(job)}
        model = onnx.load(str(job.path))
    check(job)
    operators = Counter(node.op_type for node in model.graph.node)
    facts: dict[str, Any] = {
        "exporter": exporter,
        "opset": opset,
        "ir_version": model.ir_version,
        "nodes": len(model.graph.node),
        "nodes_traced": nodes_traced,
        "operators": dict(sorted(operators.items())),
        "onnx_release": onnx.__version__,
        **quantization,
    }
    if job.precision == "fp16":
        facts["kept_fp32"] = kept
    return Conversion(channel_first(job.inputs), channel_first(job.outputs), facts, external_data)


def quantise(job: ExportJob) -> dict[str, Any]:
    """Have the file's quantiser rewrite it; facts for the record."""
    from latency_bench.harness.export.quantisers import find_quantiser

    samples = [{name: tensor.numpy() for name, tensor in sample.items()} for sample in job.calibration]
    return find_quantiser(job.quantiser or USUAL_QUANTISER).quantise(job.path, job.precision, samples)


def trace(job: ExportJob) -> tuple[onnx.ModelProto, str]:
    """The graph as PyTorch writes it, and the exporter's name."""
    import onnx
    import torch

    dynamo = job.opset >= FIRST_DYNAMO_OPSET
    # A directory of its own: beyond 2 GB the exporters scatter weights over many files beside the model.
    directory = job.path.parent / "traced"
    directory.mkdir()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            job.module,
            tuple(job.inputs.values()),
            str(directory / "traced.onnx"),
            input_names=list(job.inputs),
            output_names=list(job.outputs),
            opset_version=job.opset,
            dynamo=dynamo,
        )
    model = onnx.load(str(directory / "traced.onnx"))
    shutil.rmtree(directory)
    return model, "torch.onnx (dynamo)" if dynamo else "torch.onnx (TorchScript)"


def simplify(model: onnx.ModelProto) -> onnx.ModelProto:
    """Constants folded, shape arithmetic and no-ops removed; mathematically the same graph."""
    import onnxslim

    # Shape inference goes through one protobuf message.
    simplified: onnx.ModelProto = onnxslim.slim(model, no_shape_infer=weight_bytes(model) > MAX_PROTOBUF_BYTES)
    return simplified


def declare_outputs(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Give outputs of unknown size the shape that the module's have: beyond 2 GB nobody infers shapes while exporting.

    A size that the graph states is left as it is, for `check` to compare; the checker infers them all from the file.
    """
    for value in model.graph.output:
        sizes, wanted = value.type.tensor_type.shape.dim, shapes.get(value.name, ())
        if len(sizes) == len(wanted):
            for size, length in zip(sizes, wanted, strict=True):
                if not size.dim_value:
                    size.dim_value = length


def weight_bytes(model: onnx.ModelProto) -> int:
    """Of all initializers. ModelProto.ByteSize() fails beyond the limit that it is asked about."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer)


def save(model: onnx.ModelProto, path: Path) -> tuple[str, ...]:
    """Write the model, its weights beside it where they are too large for one message; the names of such files."""
    import onnx

    if weight_bytes(model) <= MAX_PROTOBUF_BYTES:
        onnx.save(model, str(path))
        return ()
    location = path.name + ".data"
    onnx.save(model, str(path), save_as_external_data=True, all_tensors_to_one_file=True, location=location)
    # Else two models of the same graph would be the same file, and a device would take one's engine for the other's.
    written = onnx.load(str(path), load_external_data=False)
    entry = written.metadata_props.add()
    entry.key, entry.value = WEIGHTS_KEY, sha256_of(path.with_name(location))
    onnx.save(written, str(path))
    return (location,)


def check(job: ExportJob) -> None:
    """The saved file is valid ONNX, with the spec's names, static shapes and no operator from outside the standard."""
    import onnx

    onnx.checker.check_model(str(job.path), full_check=True)
    model = onnx.load(str(job.path), load_external_data=False)
    if saved_opset(model) != job.opset:
        raise ExportError(f"the ONNX file is of opset {saved_opset(model)}, not {job.opset}")
    foreign = {node.op_type for node in model.graph.node if node.domain not in ("", "ai.onnx")}
    if foreign:
        raise ExportError(f"the ONNX graph needs operators outside the standard: {', '.join(sorted(foreign))}")
    for kind, values, tensors in (
        ("input", model.graph.input, job.inputs),
        ("output", model.graph.output, job.outputs),
    ):
        written = {value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim) for value in values}
        wanted = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if list(written.items()) != list(wanted.items()):
            raise ExportError(f"the ONNX graph's {kind}s are {written}, not {wanted}")


def saved_opset(model: onnx.ModelProto) -> int:
    """Of the default operator set. Raises ExportError where there is none."""
    for entry in model.opset_import:
        if entry.domain in ("", "ai.onnx"):
            return int(entry.version)
    raise ExportError("the ONNX file does not say which opset it uses")
