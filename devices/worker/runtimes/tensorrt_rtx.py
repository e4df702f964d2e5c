"""TensorRT for RTX: NVIDIA's runtime for its consumer cards."""

from typing import Any

from ..failure import WorkerError
from ..runtime.declaration import TYPED_FILE, Option
from ..runtime.packages import import_package
from .tensorrt import TensorRt


class TensorRtRtx(TensorRt):
    """TensorRT for RTX: NVIDIA's runtime for its consumer cards. The types of the ONNX file decide."""

    name = "tensorrt-rtx"
    MODULES = (("tensorrt_rtx", "tensorrt_rtx_bindings"), ("cuda", "pycuda"))
    DISTRIBUTIONS = ("tensorrt_rtx", "pycuda", "cuda-python")
    INSTALL = "pip install tensorrt_rtx"
    PRECISIONS = {"fp32": TYPED_FILE, "fp16": TYPED_FILE}
    QUANTISER = ""
    TYPED_SINCE = None
    OPTIONS = dict(
        TensorRt.OPTIONS, precision=Option("fp32", "What the engine computes in.", choices=tuple(PRECISIONS))
    )
    RTX = True

    def _import(self) -> Any:
        try:
            return import_package("tensorrt_rtx", self.name, self.INSTALL)
        except WorkerError as missing:
            # What NVIDIA's wheels of the bindings are called where the package around them is not installed.
            try:
                return import_package("tensorrt_rtx_bindings", self.name, self.INSTALL)
            except WorkerError:
                raise missing
