"""ncnn on the CPU. A file of ours (.ncnn) is a zip of the graph, the weights, and what the inputs and outputs are
called (harness/export/formats/ncnn.py)."""

import json
import os
import shutil
import tempfile
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Union

from ..clock import Clock
from ..failure import BAD_ARTIFACT, RUNTIME_FAILED, WorkerError
from ..job import InputTensor
from ..runtime.base import THREADS, HostRuntime, LayerTime, TensorInfo
from ..runtime.layer_times import LayerTimes
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import aligned_empty, match_inputs

if TYPE_CHECKING:
    import numpy as np

_PARTS = ("model.param", "model.bin", "interface.json")


_NO_MEMORY = -100
"""What every layer of ncnn returns where a tensor could not be made."""
_AS_IT_IS = 1
"""What is extracted keeps its memory layout."""


class Ncnn(HostRuntime):
    """ncnn's kernels for processors, in fp32; requests have no batch, as ncnn knows none."""

    name = "ncnn"
    INPUTS_IN_PLACE = True
    FORMAT = "ncnn"
    MODULES = (("ncnn",),)
    DISTRIBUTIONS = ("ncnn",)
    INSTALL = "pip install ncnn"
    PROFILES = True
    OPTIONS = {"threads": THREADS}

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        self._module = import_package("ncnn", self.name, self.INSTALL)
        self._net: Any = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        self._net = self._module.Net()
        self._configure(self._net.opt)
        # In the folder that the worker was started in, which goes with the session, even if this process is killed.
        folder = tempfile.mkdtemp(prefix="ncnn-", dir=os.getcwd())
        try:
            interface = _unpack(artifact, folder)
            for load, part in ((self._net.load_param, _PARTS[0]), (self._net.load_model, _PARTS[1])):
                if load(os.path.join(folder, part)) != 0:
                    raise WorkerError(BAD_ARTIFACT, "ncnn cannot load %s of %s" % (part, artifact))
            self._inputs, self._input_blobs = _tensors(interface["inputs"])
            self._outputs, self._output_blobs = _tensors(interface["outputs"])
        except Exception as error:
            raise unreadable(artifact, "ncnn", error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return match_inputs(inputs, self._inputs)

    def facts(self) -> Dict[str, Any]:
        return {
            "runtime": {"name": self.name, "package": "ncnn", "version": package_version(self._module, "ncnn")},
            "options": self.options,
            "inputs": [tensor.to_json() for tensor in self._inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
        }

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        import numpy as np

        # Without the batch. The views are on ncnn's own memory, where channels begin at multiples of 16 bytes.
        self._mats = [self._module.Mat(*reversed(array.shape[1:])) for array in arrays]
        self._copies_in = [(np.array(mat, copy=False), array[0]) for mat, array in zip(self._mats, arrays)]
        self._hosts = [aligned_empty([size or 0 for size in one.shape], one.dtype) for one in self._outputs]
        self._computed: List[Any] = []

    def input_arrays(self) -> List["np.ndarray"]:
        return [array[None] for _, array in self._copies_in]

    def copy_in(self) -> None:
        for view, array in self._copies_in:
            view[...] = array

    def invoke(self) -> None:
        extractor = self._extractor()
        self._computed = [_extracted(extractor, blob) for blob in self._output_blobs]

    def copy_out(self) -> None:
        import numpy as np

        for host, mat in zip(self._hosts, self._computed):
            host[...] = np.array(mat, copy=False).reshape(host.shape)

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        return OrderedDict((tensor.name, host) for tensor, host in zip(self._outputs, self._hosts))

    def profile(self, count: int) -> List[LayerTime]:
        """Layers are asked for one after the other, each of which finds computed what it needs. What would be computed
        in place is copied for this."""
        times = LayerTimes()
        self.request()
        layers = [layer for layer in self._net.layers() if layer.type != "Input"]
        for _ in range(count):
            extractor = self._extractor()
            extractor.set_light_mode(False)  # else what was computed is let go of
            for layer in layers:
                began_ns = self.clock()
                for blob in layer.tops:
                    _extracted(extractor, blob, _AS_IT_IS)
                times.add(layer.name, layer.type, self.clock() - began_ns)
        return times.slowest_first()

    def close(self) -> None:
        self._computed = []
        self._net = None

    def _extractor(self) -> Any:
        """A request, with its inputs."""
        extractor = self._net.create_extractor()
        for blob, mat in zip(self._input_blobs, self._mats):
            extractor.input(blob, mat)
        return extractor

    def _configure(self, options: Any) -> None:
        options.num_threads = self.options["threads"]
        options.use_vulkan_compute = False
        # Half precision is the default wherever the processor has it.
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
            if hasattr(options, name):
                setattr(options, name, False)


def _extracted(extractor: Any, blob: "Union[str, int]", layout: int = 0) -> Any:
    """The tensor of a blob, which is computed as far as it was not yet. Raises MemoryError and WorkerError."""
    code, mat = extractor.extract(blob, layout)
    if code == _NO_MEMORY:
        raise MemoryError("ncnn had none left for %s" % blob)
    if code != 0:
        raise WorkerError(RUNTIME_FAILED, "ncnn could not compute %s (code %d)" % (blob, code))
    return mat


def _unpack(artifact: str, folder: str) -> Dict[str, Any]:
    """Write graph and weights into `folder`; what inputs and outputs are called. Nothing else of the zip is read."""
    with zipfile.ZipFile(artifact) as archive:
        for part in _PARTS[:2]:
            with archive.open(part) as source, open(os.path.join(folder, part), "wb") as target:
                shutil.copyfileobj(source, target)
        interface: Dict[str, Any] = json.loads(archive.read(_PARTS[2]).decode("utf-8"))
    return interface


def _tensors(entries: Sequence[Mapping[str, Any]]) -> "tuple[List[TensorInfo], List[str]]":
    """Inputs or outputs, and the names of their blobs."""
    tensors = [TensorInfo(str(one["name"]), tuple(one["shape"]), str(one["dtype"])) for one in entries]
    return tensors, [str(one["blob"]) for one in entries]
