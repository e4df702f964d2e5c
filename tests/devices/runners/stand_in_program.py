#!PYTHON
"""Stands in for bench-onnxruntime: the same arguments and events, by ONNX Runtime's Python package."""

import json
import os
import signal
import sys
import time

import numpy as np
import onnxruntime

MODE = "compute"


def emit(**event):
    print("@bench " + json.dumps(event), flush=True)


def rows_as_columns(rows):
    columns = ("start_ns", "latency_ns", "h2d_ns", "compute_ns", "d2h_ns")
    return {name: [row[place] for row in rows] for place, name in enumerate(columns)}


def main(words):
    if words == ["--version"]:
        print("bench-onnxruntime with ONNX Runtime", onnxruntime.__version__)
        return 0
    given, feeds = {}, {}
    while words:
        flag = words.pop(0)
        if flag == "--input":
            name, dtype, shape, file = (words.pop(0) for _ in range(4))
            feeds[name] = np.fromfile(file, dtype).reshape([int(size) for size in shape.split("x")])
        elif flag in ("--warmup", "--sampling"):
            given[flag[2:]] = [int(words.pop(0)) for _ in range(4)]
        else:
            given[flag[2:]] = words.pop(0)
    if MODE in ("killed", "fault"):
        os.kill(os.getpid(), signal.SIGKILL if MODE == "killed" else signal.SIGSEGV)
    if MODE == "silent":
        return 0
    if MODE == "error":
        emit(event="error", kind="bad-artifact", message="no such operator")
        return 1
    if MODE == "full":
        sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
        return 134
    if MODE == "crash":
        sys.stderr.write("terminate called\n")
        return 134
    options = onnxruntime.SessionOptions()
    if "graph" in given:
        options.optimized_model_filepath = given["graph"]
    session = onnxruntime.InferenceSession(given["model"], options, providers=["CPUExecutionProvider"])
    if "graph" in given and MODE == "no graph":
        with open(given["graph"], "wb") as stream:
            stream.write(b"nothing")
    emit(event="loaded", version="0.0.0" if MODE == "old" else onnxruntime.__version__, load_ns=1)
    origin = time.monotonic_ns()
    rows = {}
    for stage in ("warmup", "sampling"):
        rows[stage] = []
        emit(event="progress", stage=stage, count=0, elapsed_ns=0)
        for _ in range(given[stage][0]):
            start = time.monotonic_ns()
            values = session.run(None, feeds)
            end = time.monotonic_ns()
            rows[stage].append((start - origin, end - start, 0, end - start, 0))
    while MODE == "chatty":
        emit(event="progress", stage="sampling", count=1, elapsed_ns=1)
        time.sleep(0.05)
    names = [one.name for one in session.get_outputs()]
    with open(given["outputs"], "wb") as stream:
        for value in values:
            stream.write(value.tobytes()[: 4 if MODE == "cut" else None])
        if MODE == "long":
            stream.truncate(1 << 40)
    if MODE in ("unwritten", "folder"):
        os.remove(given["outputs"])
    if MODE == "folder":
        os.mkdir(given["outputs"])
    tensors = [{"name": n, "dtype": str(v.dtype), "shape": list(v.shape)} for n, v in zip(names, values, strict=True)]
    emit(event="outputs", tensors=tensors)
    for stage, measured in rows.items():
        if measured:
            emit(event="samples", stage=stage, first=0, **rows_as_columns(measured))
    elapsed = {stage: sum(row[1] for row in one) for stage, one in rows.items()}
    end = {
        stage: {"count": len(rows[stage]), "elapsed_ns": ns, "stopped_by": "floors"} for stage, ns in elapsed.items()
    }
    if MODE == "lost":
        end["sampling"]["count"] += 1
    emit(event="done", peak_rss_bytes=1 << 20, **end)
    return 0


sys.exit(main(sys.argv[1:]))
