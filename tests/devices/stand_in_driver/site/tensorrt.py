"""What a process imports as `tensorrt` over the stand-in driver: the calls of the version in STAND_IN_TENSORRT, on the
driver's memory and streams. Python 3.6 imports it too."""

import ctypes
import importlib.util
import os
import sys

import numpy as np

_KERNEL = ctypes.CFUNCTYPE(None)
_worker_tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "worker", "fake_tensorrt.py")


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


def _load():
    spec = importlib.util.spec_from_file_location("fake_tensorrt", _worker_tests)
    software = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(software)
    return software.fake_tensorrt(os.environ["STAND_IN_TENSORRT"], DriverGpu())


_module = _load()
sys.modules[__name__].__dict__.update(
    {name: value for name, value in vars(_module).items() if not name.startswith("__") or name == "__version__"}
)
