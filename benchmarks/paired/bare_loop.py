"""A program: whole requests as one writes them by hand with the runtime's public calls, by a clock or under MLPerf's
LoadGen in SingleStream. Prints one list of milliseconds as JSON.

    python bare_loop.py RUNTIME FILE SHAPE WARMUP REQUESTS [loadgen | loadgen-clock]

`loadgen-clock`: LoadGen asks, and a clock of Python's around the same request says how long it took.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def main(runtime: str, path: str, shape: str, warmup: str, requests: str, how: str = "clock") -> None:
    image = np.random.RandomState(0).standard_normal([int(size) for size in shape.split("x")]).astype(np.float32)
    request = _litert_request(path, image) if runtime == "litert" else _onnxruntime_request(path, image)
    for _ in range(int(warmup)):
        request()
    if how == "clock":
        print(json.dumps(_by_clock(request, int(requests))))
        return
    inside: list[float] = []
    asked = _by_loadgen(lambda: inside.extend(_by_clock(request, 1)), int(requests))
    print(json.dumps(inside if how == "loadgen-clock" else asked))


def _by_clock(request: Callable[[], Any], count: int) -> list[float]:
    samples = []
    for _ in range(count):
        began_ns = time.perf_counter_ns()
        request()
        samples.append((time.perf_counter_ns() - began_ns) / 1e6)
    return samples


def _by_loadgen(request: Callable[[], Any], count: int) -> list[float]:
    """What LoadGen itself measured of each sample, from its trace."""
    import mlperf_loadgen as loadgen

    def issue(queries: Any) -> None:
        for query in queries:
            request()
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(query.id, 0, 0)])

    settings = loadgen.TestSettings()
    settings.scenario = loadgen.TestScenario.SingleStream
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.min_query_count = settings.max_query_count = count
    settings.min_duration_ms = 0
    with tempfile.TemporaryDirectory() as folder:
        logs = loadgen.LogSettings()
        logs.log_output = loadgen.LogOutputSettings()
        logs.log_output.outdir = folder
        logs.enable_trace = True
        under_test = loadgen.ConstructSUT(issue, lambda: None)
        samples = loadgen.ConstructQSL(1, 1, lambda _: None, lambda _: None)
        loadgen.StartTestWithLogSettings(under_test, samples, settings, logs)
        loadgen.DestroyQSL(samples)
        loadgen.DestroySUT(under_test)
        return [taken / 1e6 for taken in _completions_ns(Path(folder) / "mlperf_log_trace.json")]


def _completions_ns(trace: Path) -> list[int]:
    """The trace as a whole is no valid JSON; each event is a line."""
    found = []
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if '"name":"Sample"' in line and "complete_ns" in line:
            arguments = json.loads(line.rstrip(","))["args"]
            found.append(arguments["complete_ns"] - arguments["issue_start_ns"])
    return found


def _litert_request(path: str, image: Any) -> Callable[[], Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    into = interpreter.get_input_details()[0]["index"]
    out_of = interpreter.get_output_details()[0]["index"]

    def request() -> Any:
        interpreter.set_tensor(into, image)
        interpreter.invoke()
        return interpreter.get_tensor(out_of)

    return request


def _onnxruntime_request(path: str, image: Any) -> Callable[[], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: image})


if __name__ == "__main__":
    main(*sys.argv[1:])
