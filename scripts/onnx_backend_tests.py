"""ONNX's own backend tests: each model that ONNX Runtime runs, with the test's inputs, held to the test's outputs.

    pip download --no-deps onnx==1.17.0 && unzip onnx-1.17.0-*.whl -d onnx-1.17.0
    python scripts/onnx_backend_tests.py --data onnx-1.17.0/onnx/backend/test/data [--only PATTERN] [--list]

The models come from the package `onnx`: its wheels up to 1.17 hold all of them as files, those since hold a part and
write the others when they are asked (without --data, the installed one does).
Every one is opened as `bench run --onnx MODEL --input NAME=FILE.npy` opens it, loaded by the worker's ONNX Runtime in
this process, run twice, and its outputs compared within the test's own tolerances. Prints how many came out how.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

MEASURED, REFUSED, FAILED, NOT_RUN = "measured", "refused", "failed", "ONNX Runtime does not run it"
RUNTIME_DIFFERS = "measured; ONNX Runtime's own values are not the test's"
DIFFERS = "measured with other values than ONNX Runtime's own"


@dataclass(frozen=True)
class BackendTest:
    """A model with one set of inputs and outputs, in the order of its graph."""

    name: str
    model: Any
    inputs: list[Any]
    outputs: list[Any]
    rtol: float
    atol: float
    folder: Path | None = None
    """Of a test that lies in the package as files."""


def written_tests(operator: str | None = None) -> Iterator[BackendTest]:
    """Those that the package writes, of one operator or of all."""
    for case in _written():
        if operator is not None and operator not in {node.op_type for node in case.model.graph.node}:
            continue
        inputs, outputs = case.data_sets[0]
        yield BackendTest(case.name, case.model, list(inputs), list(outputs), case.rtol, case.atol)


@cache
def _written() -> list[Any]:
    """All of them: asked for one operator's, the package writes that one's at its first call and nothing afterwards."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written: list[Any] = collect_testcases(None)
    return written


def stored_tests(data: Path) -> Iterator[BackendTest]:
    """Those that lie in a folder with their data: <kind>/<name>/model.onnx, test_data_set_0/input_0.pb."""
    import onnx

    for path in sorted(data.glob("*/*/model.onnx")):
        folder = path.parent / "test_data_set_0"
        if folder.is_dir():
            model = onnx.load(str(path))
            inputs, outputs = (_protobufs(folder, kind, getattr(model.graph, kind)) for kind in ("input", "output"))
            yield BackendTest(f"{path.parents[1].name}/{path.parent.name}", model, inputs, outputs, 1e-3, 1e-7)


def _protobufs(folder: Path, kind: str, values: Any) -> list[Any]:
    """Arrays of a data set, None for what is no tensor."""
    import onnx

    found = []
    for number, value in enumerate(values):
        file = folder / f"{kind}_{number}.pb"
        if not file.is_file():
            break
        is_tensor = value.type.WhichOneof("value") == "tensor_type"
        found.append(onnx.numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes())) if is_tensor else None)
    return found


def outcome(test: BackendTest, folder: Path) -> tuple[str, str]:
    """How it came out, and why."""
    import onnx

    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.model_file.file_request import FileRequest
    from latency_bench.harness.model_file.open_file import open_model_file

    path = folder / "model.onnx"
    onnx.save(test.model, str(path))
    weights = {tensor.name for tensor in test.model.graph.initializer}
    names = [value.name for value in test.model.graph.input if value.name not in weights]
    own = _of_the_runtime(path, names, test.inputs)
    if isinstance(own, str):
        return NOT_RUN, own
    values = {}
    for number, (name, array) in enumerate(zip(names, test.inputs, strict=False)):
        if not isinstance(array, (np.ndarray, np.generic)) or np.asarray(array).dtype.kind not in "fiub":
            continue
        np.save(folder / f"{number}.npy", array)
        values[name] = str(folder / f"{number}.npy")
    try:
        spec = open_model_file(path, "onnx", FileRequest(values=values)).spec
    except UsageError as error:
        return REFUSED, str(error).partition(": ")[2]
    try:
        outputs = computed(path, spec)
    except Exception as error:
        return FAILED, str(error)
    if (reason := _difference(test, outputs, test.outputs)) is None:
        return MEASURED, ""
    return (DIFFERS if _difference(test, outputs, own) else RUNTIME_DIFFERS), reason


def _difference(test: BackendTest, outputs: list[Any], expected: list[Any]) -> str | None:
    """The first that is beyond the test's tolerances; None where none is."""
    for got, wanted in zip(outputs, expected, strict=True):
        try:
            np.testing.assert_equal(got.shape, np.shape(wanted))
            np.testing.assert_allclose(
                got.astype(np.float64), np.asarray(wanted).astype(np.float64), rtol=test.rtol, atol=test.atol
            )
        except AssertionError as error:
            return " ".join(str(error).split())[:120]
    return None


def _of_the_runtime(path: Path, names: list[str], inputs: list[Any]) -> list[Any] | str:
    """What ONNX Runtime computes without us, or in its own words why it does not run the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return list(session.run(None, dict(zip(names, inputs, strict=False))))
    except Exception as error:
        return " ".join(str(error).split())[:120]


def computed(path: Path, spec: Any) -> list[Any]:
    """The outputs after two requests, in the model's order."""
    from bench_worker.inputs import generate
    from bench_worker.job import InputTensor
    from bench_worker.runtimes.onnxruntime import OnnxRuntime

    inputs = [InputTensor(**{**one, "shape": tuple(one["shape"])}) for one in spec.describe_inputs(0)]
    runtime = OnnxRuntime({"threads": 1}, time.perf_counter_ns)
    ordered = runtime.load(str(path), inputs)
    runtime.set_inputs([generate(tensor) for tensor in ordered])
    runtime.request()
    runtime.request()
    outputs = [np.array(array) for array in runtime.outputs().values()]
    runtime.close()
    return outputs


def main() -> int:
    """Exit code 1 where a model that ONNX Runtime runs is neither measured nor refused for what it takes or gives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="*", help="Pattern of names.")
    parser.add_argument("--data", type=Path, help="Folder onnx/backend/test/data of an unpacked wheel.")
    parser.add_argument("--list", action="store_true", help="Name each one that is not measured, with the reason.")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="bench-backend-tests-") as folder:
        os.environ["BENCH_CACHE"] = f"{folder}/cache"
        for test in written_tests() if arguments.data is None else stored_tests(arguments.data):
            if not fnmatchcase(test.name, arguments.only):
                continue
            how, why = outcome(test, Path(folder))
            counts[how] += 1
            if arguments.list and how != MEASURED:
                print(f"{how}: {test.name}: {why}", flush=True)
    for how, count in counts.most_common():
        print(f"{count:5} {how}")
    return 1 if counts[DIFFERS] or counts[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())
