"""What TFLite's benchmark tool offers: the processor, the GPU delegate, and what vendors bring for their NPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bench_worker.runtime.base import THREADS
from bench_worker.runtime.declaration import Option, RuntimeDeclaration
from bench_worker.runtimes.litert import LiteRT

_PARTIAL = Option(False, "Accept that a part of the model runs outside the delegate.")
_OWN = ""
"""An option's value that leaves it to the tool."""


class ToolRuntime(RuntimeDeclaration):
    """A way of computing that the tool offers; its files are those of the worker's runtime `litert`."""

    FORMAT = "tflite"
    PROFILES = True
    PRECISIONS: ClassVar[Mapping[str, str]] = LiteRT.PRECISIONS
    DELEGATE: ClassVar[str] = ""
    """Family of the delegate that has to take the model (benchmark_model_delegates.py)."""
    ON_CPU: ClassVar[bool] = False
    NEWEST_SDK: ClassVar[int | None] = None
    """Android's API level from which on it is not to be used any more; None: no such."""


class ToolLiteRT(ToolRuntime):
    """The tool on the processor, by XNNPACK or its own kernels."""

    name = "litert"
    DELEGATE = "XNNPACK"
    ON_CPU = True
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "threads": THREADS._replace(default=1, minimum=1, help="Threads of the tool (--num_threads)."),
        "xnnpack": Option(True, "XNNPACK's kernels; false: TFLite's own. The CompiledModel tool has no others."),
        "allow_partial": _PARTIAL,
    }


class ToolLiteRTGpu(ToolRuntime):
    """The tool with the GPU delegate."""

    name = "litert-gpu"
    DELEGATE = "GPU"
    ON_GPU = True
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        # Saying true would promise a delegate that is not used.
        "xnnpack": Option(False, "No kernels of the processor are asked for.", choices=(False,)),
        "allow_partial": _PARTIAL,
        "allow_fp16": Option(False, "The GPU may compute in half precision."),
    }


class ToolLiteRTNpu(ToolRuntime):
    """The CompiledModel tool on an NPU, by the dispatch library of its maker (Qualcomm, MediaTek, Google Tensor)."""

    name = "litert-npu"
    DELEGATE = "NPU"
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "allow_partial": _PARTIAL,
        "qualcomm_htp_performance_mode": Option(
            _OWN, "Clocks of Qualcomm's NPU, such as burst or sustained_high_performance; empty: the tool's own."
        ),
        "mediatek_nerun_pilot_version": Option(
            _OWN, "MediaTek's SDK that the libraries are of; empty: the tool's own.", ("", "version7", "version8")
        ),
    }


class ToolLiteRTNnapi(ToolRuntime):
    """The classic tool with NNAPI, which Android 15 deprecated: for phones that have nothing else."""

    name = "litert-nnapi"
    DELEGATE = "NNAPI"
    NEWEST_SDK = 34
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "allow_partial": _PARTIAL,
        "allow_fp16": Option(False, "The accelerator may compute fp32 in half precision."),
        "nnapi_accelerator_name": Option(_OWN, "Which of the phone's accelerators; empty: the phone chooses."),
    }


class ToolLiteRTExternal(ToolRuntime):
    """The classic tool with a delegate of a third party (`delegate_library` in devices.yaml), such as Qualcomm's."""

    name = "litert-external"
    DELEGATE = "EXTERNAL"
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "allow_partial": _PARTIAL,
        "external_delegate_options": Option(_OWN, "The delegate's own options: key:value, separated by semicolons."),
    }


RUNTIMES: tuple[type[ToolRuntime], ...] = (
    ToolLiteRT,
    ToolLiteRTGpu,
    ToolLiteRTNpu,
    ToolLiteRTNnapi,
    ToolLiteRTExternal,
)
