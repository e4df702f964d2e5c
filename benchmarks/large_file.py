"""What describing a large file takes beside its hash: first sight, and again.

    python benchmarks/large_file.py --megabytes 500

Files with one constant of that size are written: ONNX with it inside, ONNX with it in a file of its own, and TFLite.
Of each: the SHA-256 of all its bytes, which nobody can do without; keeping it in the cache, hash and copy together, at
first sight and again; and reading what it says of itself. Each is measured --repeats times in turn; medians are shown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

MEGABYTE = 1_000_000


def onnx_file(folder: Path, size_bytes: int, outside: bool) -> Path:
    import onnx

    values = np.random.default_rng(0).standard_normal(size_bytes // 4, dtype=np.float32)
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        "large",
        [tensor("x", onnx.TensorProto.FLOAT, [1])],
        [tensor("y", onnx.TensorProto.FLOAT, [len(values)])],
        [onnx.numpy_helper.from_array(values, "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    path = folder / ("outside.onnx" if outside else "inside.onnx")
    onnx.save_model(model, path, save_as_external_data=outside, location=f"{path.name}.data")
    return path


def tflite_file(folder: Path, size_bytes: int) -> Path:
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    values = np.random.default_rng(0).standard_normal(size_bytes // 4, dtype=np.float32)
    model, graph, code, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    constant = schema.BufferT()
    constant.data = values.view(np.uint8)
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT(), constant], []
    for name, shape, buffer in (("x", [1], 0), ("w", [len(values)], 1), ("y", [len(values)], 0)):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, shape, buffer
        tensor.type = schema.TensorType.FLOAT32
        graph.tensors.append(tensor)
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1], [2]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
    model.operatorCodes, graph.operators, graph.inputs, graph.outputs = [code], [operator], [0], [2]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(size_bytes + MEGABYTE)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = folder / "constant.tflite"
    path.write_bytes(builder.Output())
    return path


def parts(path: Path, caches: Iterator[Path]) -> dict[str, float]:
    """Seconds of each part, in a cache of its own."""
    from bench_worker.files import file_sha256
    from latency_bench.harness.export.formats import find_format
    from latency_bench.harness.frozen_files import freeze

    os.environ["BENCH_CACHE"] = str(next(caches))
    target = find_format(path.suffix[1:])
    files = sorted(path.parent.glob(f"{path.name}*"))
    return {
        "SHA-256": seconds(lambda: [file_sha256(str(one)) for one in files]),
        "kept, first sight": seconds(lambda: freeze(path, target.external_data)),
        "kept, again": seconds(lambda: freeze(path, target.external_data)),
        "read": seconds(lambda: target.read(path)),
    }


def seconds(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    size_bytes = options.megabytes * MEGABYTE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [
            onnx_file(folder, size_bytes, False),
            onnx_file(folder, size_bytes, True),
            tflite_file(folder, size_bytes),
        ]
        caches = (folder / f"cache-{number}" for number in range(1000))
        measured: dict[Path, list[dict[str, float]]] = {path: [] for path in paths}
        for _ in range(options.repeats):
            for path in paths:
                measured[path].append(parts(path, caches))
        headings = list(measured[paths[0]][0])
        print(f"| file of {options.megabytes} MB | {' | '.join(f'{heading}, s' for heading in headings)} |")
        print(f"|---|{'---:|' * len(headings)}")
        for path, found in measured.items():
            cells = [f"{statistics.median(one[heading] for one in found):.2f}" for heading in headings]
            print(f"| {path.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
