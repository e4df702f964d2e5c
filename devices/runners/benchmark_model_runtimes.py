"""What TFLite's benchmark tool offers: the processor, by XNNPACK or its own kernels, and the GPU delegate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bench_worker.runtime.base import THREADS
from bench_worker.runtime.declaration import Option, RuntimeDeclaration
from bench_worker.runtimes.litert import LiteRT

_PARTIAL = Option(False, "Accept that a part of the model runs outside the delegate.")


class ToolLiteRT(RuntimeDeclaration):
    """The tool on the processor; its files are those of the worker's runtime of the same name."""

    name = "litert"
    FORMAT = "tflite"
    PROFILES = True
    PRECISIONS: ClassVar[Mapping[str, str]] = LiteRT.PRECISIONS
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "threads": THREADS._replace(default=1, minimum=1, help="Threads of the tool (--num_threads)."),
        "xnnpack": Option(True, "XNNPACK's kernels; false: TFLite's own. The CompiledModel tool has no others."),
        "allow_partial": _PARTIAL,
    }


class ToolLiteRTGpu(RuntimeDeclaration):
    """The tool with the GPU delegate."""

    name = "litert-gpu"
    FORMAT = "tflite"
    ON_GPU = True
    PROFILES = True
    PRECISIONS: ClassVar[Mapping[str, str]] = LiteRT.PRECISIONS
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        # Saying true would promise a delegate that is not used.
        "xnnpack": Option(False, "No kernels of the processor are asked for.", choices=(False,)),
        "allow_partial": _PARTIAL,
        "allow_fp16": Option(False, "The GPU may compute in half precision."),
    }


RUNTIMES: tuple[type[RuntimeDeclaration], ...] = (ToolLiteRT, ToolLiteRTGpu)
