#!/usr/bin/env python3
"""Stands in for benchmark_model on a device: prints what the one of LiteRT 2.2.0 printed, and honours its flags."""

import os
import sys
import time

MODE = "replay"

KNOWN = {
    "num_runs": ("50", "int32"),
    "min_secs": ("1", "float"),
    "max_secs": ("150", "float"),
    "num_threads": ("-1", "int32"),
    "warmup_runs": ("1", "int32"),
    "warmup_min_secs": ("0.5", "float"),
    "graph": ("", "string"),
    "enable_op_profiling": ("false", "bool"),
    "op_profiling_output_mode": ("stdout", "string"),
    "op_profiling_output_file": ("", "string"),
    "use_xnnpack": ("false", "bool"),
    "use_gpu": ("false", "bool"),
    "gpu_precision_loss_allowed": ("true", "bool"),
}
if MODE == "compute":
    for flag in ("input_layer", "input_layer_shape", "input_layer_value_files", "output_filepath"):
        KNOWN[flag] = ("", "string")
NODES = 366
LINKER = "WARNING: linker: ./benchmark_model: unused DT entry: type 0x6ffffef5 arg 0x1d8"
FALL = "/sys/devices/system/cpu/cpu7/cpufreq/scaling_cur_freq"
"""What a phone's prime core does when it gets hot, in the middle of a round, while the others keep their clocks."""
PROFILE = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
Convolution (NHWC, F32) IGEMM, 0.009, 0.009, 75%, 75%, 0, 1, Delegate/Convolution (NHWC\t F32) IGEMM:0
SOFTMAX, 0.003, 0.003, 25%, 100%, 0, 1, [StatefulPartitionedCall_1:0]:1

"""


def say_what_the_gpu_took() -> None:
    """In the words of the classic tool and of the runtime beneath it; of lines with a line end of Windows."""
    taken = NODES if "all" in MODE else NODES // 2 if "half" in MODE else 0
    end = "\r\n" if "crlf" in MODE else "\n"
    if taken:
        partitions = 1 if taken == NODES else 3
        how = (
            "completely executed by the delegate."
            if taken == NODES
            else (f"partially executed by the delegate w/ {partitions} delegate kernels.")
        )
        print("INFO: Initialized OpenCL-based API.", end=end)
        print(
            f"INFO: Replacing {taken} out of {NODES} node(s) with delegate (TfLiteGpuDelegateV2) node, "
            f"yielding {partitions} partitions for subgraph 0.",
            end=end,
        )
        print(f"INFO: Explicitly applied GPU delegate, and the model graph will be {how}", end=end)
    else:
        print(
            "INFO: Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate.",
            end=end,
        )


def falls_after(seconds: float) -> bool:
    """Whether so much time is over since the first process; the prime core's clock falls then."""
    first = "first-process"
    if not os.path.exists(first):
        with open(first, "w"):
            pass
    if time.time() - os.path.getmtime(first) < seconds:
        return False
    with open(FALL, "w") as file:
        file.write("2515200\n")
    return True


def compute(graph: str, value_files: str, output: str) -> None:
    """What the classic tool writes for inputs from files, by TFLite's interpreter itself."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(graph, num_threads=1)
    interpreter.allocate_tensors()
    files = [entry.partition(":")[2] for entry in value_files.split(",")]
    for detail, file in zip(interpreter.get_input_details(), files, strict=True):
        interpreter.set_tensor(detail["index"], np.fromfile(file, detail["dtype"]).reshape(detail["shape"]))
    interpreter.invoke()
    with open(output, "wb") as stream:
        for detail in interpreter.get_output_details():
            stream.write(interpreter.get_tensor(detail["index"]).tobytes())


def main() -> int:
    if "linker" in MODE:
        print(LINKER, file=sys.stderr)
    print("INFO: STARTING!", flush=True)
    given = dict(argument[2:].partition("=")[::2] for argument in sys.argv[1:])
    flags = {name: given.get(name, default) for name, (default, _) in KNOWN.items()}
    if not flags["num_runs"].isdigit():
        print(f"ERROR: Failed to parse flag 'num_runs' against argv '--num_runs={flags['num_runs']}'", file=sys.stderr)
        print("ERROR: usage: benchmark_model <flags>\nFlags:", file=sys.stderr)
        for name, (default, kind) in KNOWN.items():
            print(f"\t--{name}={default:<30}\t{kind}\toptional\t{name}", file=sys.stderr)
        return 1
    unknown = [argument for argument in sys.argv[1:] if argument[2:].partition("=")[0] not in KNOWN]
    if MODE == "unconsumed":
        unknown.append("--use_xnnpack=true")
    if unknown:
        print(f"WARN: Unconsumed cmdline flags: {' '.join(unknown)}")
    if not os.path.exists(flags["graph"]):
        for line in (f"Could not open '{flags['graph']}'.", "Benchmarking failed."):
            print(f"ERROR: {line}", file=sys.stderr)
        return 1
    if MODE == "hang":
        time.sleep(3600)
    if MODE == "garbage":
        sys.stdout.buffer.write(b"\xff\xfe count=nonsense \x00\x1b[31m\n" * 100)
        return 0
    if MODE == "crash":
        os.abort()
    if MODE == "fill":
        with open("core", "wb") as file:
            while True:
                file.write(bytes(1 << 16))
    if flags.get("output_filepath"):
        compute(flags["graph"], flags["input_layer_value_files"], flags["output_filepath"])
    runs, warmup = int(flags["num_runs"]), int(flags["warmup_runs"])
    if MODE == "short":
        runs = max(1, runs - 1)
    if flags["use_xnnpack"] == "true":
        how = (
            "partially executed by the delegate w/ 1 delegate kernels"
            if MODE == "partial"
            else "completely executed by the delegate"
        )
        print(f"INFO: Explicitly applied XNNPACK delegate, and the model graph will be {how}.")
    if flags["use_gpu"] == "true":
        say_what_the_gpu_took()
    print("INFO: Initialized session in 6.817ms.")
    duration_us = 5000 + os.getpid() % 40
    if MODE == "throttle":
        duration_us = 5000 if falls_after(12.0) else 4000
        time.sleep(0.2)
    for count, least in ((warmup, 1), (runs, runs)):
        print(
            f"INFO: Running benchmark for at least {least} iterations and at least 0 seconds "
            "but terminate if exceeding 150 seconds."
        )
        sys.stdout.flush()
        time.sleep(0.002)
        print(
            f"INFO: count={count} first={duration_us + 9} curr={duration_us} min={duration_us - 5} "
            f"max={duration_us + 20} avg={duration_us + 2} std=4 p5={duration_us - 4} median={duration_us} "
            f"p95={duration_us + 11}\n"
        )
    print(
        f"INFO: Inference timings in us: Init: 6817, First inference: {duration_us + 9}, "
        f"Warmup (avg): {duration_us + 2}, Inference (avg): {duration_us + 2}"
    )
    print("INFO: Memory footprint delta from the start of the tool (MB): init=5.125 overall=6.125")
    if flags["enable_op_profiling"] == "true":
        with open(flags["op_profiling_output_file"], "w") as file:
            file.write(PROFILE)
    return 0


sys.exit(main())
