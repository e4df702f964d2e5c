"""Errors as CUDA, TensorRT and PyTorch word them: each gets the kind that it is of, and a remedy that helps."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from bench_worker.failure import WorkerError
from bench_worker.libraries.tensorrt_api import TensorRtApi
from bench_worker.memory.failure import cuda_failure

TEXTS = (Path(__file__).parents[1] / "nvidia_texts/cuda-error-texts.txt").read_text(encoding="utf-8").splitlines()
MEANINGS = {
    "cuInit failed: initialization error": ("runtime-missing", "does not start", "nvidia-smi"),
    "cuInit failed: CUDA driver is a stub library": ("runtime-missing", "no NVIDIA driver", "install the driver"),
    "cuInit failed: system not yet initialized": ("runtime-missing", "not ready", "fabricmanager"),
    "cuInit failed: system has unsupported display": ("runtime-missing", "different versions", "reboot"),
    "cuInit failed: unknown error": ("runtime-failed", "went away", "Xid"),
    "cuInit failed: MPS client": ("runtime-failed", "MPS", "nvidia-cuda-mps-control"),
    "cuCtxCreate failed: CUDA-capable device(s) is/are busy": ("runtime-failed", "exclusive use", "-c DEFAULT"),
    "cuMemAlloc failed": ("out-of-memory", "ran out", "--batch"),
    "cuEventSynchronize failed": ("runtime-failed", "a kernel failed", "--precision"),
    "cuEventElapsedTime failed": ("runtime-failed", "CUDA failed", "try again"),
    "CUDA error: no kernel image": ("runtime-missing", "does not support the GPU", "compute capability"),
    "CUDA error: out of memory": ("out-of-memory", "ran out", "--batch"),
    "CUDA out of memory.": ("out-of-memory", "ran out", "--batch"),
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED": ("runtime-failed", "CUDA failed", "try again"),
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED": ("out-of-memory", "ran out", "--batch"),
    "Found no NVIDIA driver": ("runtime-missing", "no NVIDIA driver", "install the driver"),
    "The NVIDIA driver on your system is too old": ("runtime-missing", "too old", "update the driver"),
    "Unexpected error from cudaGetDeviceCount()": ("runtime-missing", "not ready", "fabricmanager"),
    "Torch not compiled with CUDA enabled": ("runtime-missing", "built without CUDA", "CUDA"),
    "[executionContext.cpp::initializeExecutionContext": ("out-of-memory", "ran out", "--batch"),
    "[virtualMemoryBuffer.cpp": ("out-of-memory", "ran out", "--batch"),
    "2: [executionContext.cpp": ("out-of-memory", "ran out", "--batch"),
}
OF_THE_ENGINE = {
    "[runtime.cpp::parsePlan": ("bad-artifact", "Serialization", "deploy the ONNX file"),
    "IBuilder::buildSerializedNetwork": ("runtime-failed", "implementation", "workspace"),
}
"""What TensorRT says of a file or of a build, and not of the GPU."""


def meaning(text: str, of: dict[str, tuple[str, str, str]]) -> tuple[str, str, str] | None:
    return next((known for begin, known in of.items() if text.startswith(begin)), None)


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_has_its_kind_and_its_remedy(text: str) -> None:
    if (known := meaning(text, MEANINGS)) is not None:
        failure = cuda_failure(text, "in a request")
    else:
        known = meaning(text, OF_THE_ENGINE)
        failure = said_by_tensorrt(text, "deserialise" if text.startswith("[runtime") else "build")
    assert known is not None, text
    assert failure.kind == known[0]
    assert known[1] in failure.message
    assert known[2] in failure.remedy


def said_by_tensorrt(text: str, doing: str, before: str = "") -> WorkerError:
    """The failure of a step of a TensorRT that logs `text` and then gives nothing."""
    api = TensorRtApi(silent_tensorrt(text), rtx=False)
    if before:
        api.messages.append(before)
    with pytest.raises(WorkerError) as caught:
        api.deserialise(b"plan") if doing == "deserialise" else api.context(api.module.engine)
    return caught.value


def silent_tensorrt(text: str) -> Any:
    class Logger:
        INTERNAL_ERROR, ERROR, WARNING = range(3)

    def say_and_give_none(*_: object) -> None:
        module.logger.log(Logger.ERROR, text)

    class Runtime:
        def __init__(self, logger: Any) -> None:
            module.logger = logger

        deserialize_cuda_engine = say_and_give_none

    def create_context() -> None:
        return say_and_give_none()

    module: Any = types.SimpleNamespace(__version__="10.13.3", ILogger=Logger, Runtime=Runtime)
    module.engine = types.SimpleNamespace(create_execution_context=create_context)
    module.init_libnvinfer_plugins = lambda logger, namespace: setattr(module, "logger", logger)
    return module


@pytest.mark.parametrize(
    "text", [one for one in TEXTS if "OutOfMemory" in one] + ["[x] Error Code 1: Cuda Runtime (In allocate at y:57)"]
)
def test_memory_that_runs_out_in_tensorrt_is_the_gpus(text: str) -> None:
    failure = said_by_tensorrt(text, "build")
    assert failure.kind == "out-of-memory"
    assert "--batch" in failure.remedy


def test_what_an_earlier_step_complained_of_is_no_reason_of_a_later_one() -> None:
    failure = said_by_tensorrt("[x] Error Code 4: Internal Error", "build", before="Error Code 2: OutOfMemory")
    assert failure.kind == "runtime-failed"
