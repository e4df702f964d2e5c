"""The names that a runtime of a third party is made of: the same objects on the host, which reads what the class
declares, and on the device, which runs it (docs/adding-a-device.md). What is not named here may change."""

from .clock import Clock
from .failure import BAD_ARTIFACT, OUT_OF_MEMORY, RUNTIME_FAILED, RUNTIME_MISSING, WorkerError, bad_request, one_line
from .job import InputTensor
from .precisions import Precision
from .request_times import RequestTimes
from .runtime.base import THREADS, HostRuntime, Lane, LayerTime, Runtime, TensorInfo
from .runtime.declaration import BUILDER_FLAG, QUANTISED_FILE, TYPED_FILE, Option
from .runtime.gpu import GPU_OPTIONS, GpuLane, GpuRuntime
from .runtime.non_finite import NonFinite, count_non_finite
from .runtime.packages import import_package, package_version, require_file, unreadable
from .runtime.tensors import aligned_empty, match_inputs

__all__ = [
    "BAD_ARTIFACT",
    "BUILDER_FLAG",
    "GPU_OPTIONS",
    "OUT_OF_MEMORY",
    "QUANTISED_FILE",
    "RUNTIME_FAILED",
    "RUNTIME_MISSING",
    "THREADS",
    "TYPED_FILE",
    "Clock",
    "GpuLane",
    "GpuRuntime",
    "HostRuntime",
    "InputTensor",
    "Lane",
    "LayerTime",
    "NonFinite",
    "Option",
    "Precision",
    "RequestTimes",
    "Runtime",
    "TensorInfo",
    "WorkerError",
    "aligned_empty",
    "bad_request",
    "count_non_finite",
    "import_package",
    "match_inputs",
    "one_line",
    "package_version",
    "require_file",
    "unreadable",
]
