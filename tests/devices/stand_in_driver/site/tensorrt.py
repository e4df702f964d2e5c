"""What a process imports as `tensorrt` over the stand-in driver: the calls of the version in STAND_IN_TENSORRT, on the
driver's memory and streams, and no name that this version does not have. Python 3.6 imports it too."""

import ctypes
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "worker"))

from fake_tensorrt import fake_tensorrt
from recorded_tensorrt import Recorded, Release, recorded_release

_KERNEL = ctypes.CFUNCTYPE(None)


class DriverGpu:
    """The driver as the software TensorRT wants it: kernels are functions, memory is arrays."""

    broken = None

    def __init__(self):
        self._driver = ctypes.CDLL("libcuda.so.1")
        self._kernels = []

    def enqueue(self, what, work, ns, stream):
        # A graph that was captured calls it long after.
        self._kernels.append(_KERNEL(work))
        code = self._driver.stand_in_launch(self._kernels[-1], ctypes.c_void_p(stream))
        if code:
            raise RuntimeError(f"{what} failed: CUDA error {code}")

    def array(self, address, dtype, shape):
        count = int(np.prod(shape))
        size_bytes = count * np.dtype(dtype).itemsize
        assert self._driver.stand_in_is_memory(ctypes.c_void_p(address), ctypes.c_size_t(size_bytes))
        raw = (ctypes.c_uint8 * size_bytes).from_address(address)
        return np.frombuffer(raw, dtype, count).reshape(shape)


_version = os.environ["STAND_IN_TENSORRT"]
sys.modules[__name__] = Recorded(Release(recorded_release(_version)), "", fake_tensorrt(_version, DriverGpu()))
