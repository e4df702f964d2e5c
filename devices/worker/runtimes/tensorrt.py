"""TensorRT: an engine, built on the device from an ONNX file, or given ready-made (.engine, .plan)."""

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..clock import Clock
from ..failure import bad_request
from ..files import file_sha256
from ..job import InputTensor
from ..libraries.engine_cache import EngineCache, default_folder, engine_key
from ..libraries.engine_layers import layer_facts, layer_operators
from ..libraries.onnx_external_data import external_files
from ..libraries.tensorrt_api import FIRST_TYPED, Build, TensorRtApi
from ..libraries.tensorrt_lane import EngineLane, refuse_open
from ..libraries.tensorrt_non_finite import first_non_finite
from ..memory import LIBRARIES
from ..runtime.base import LayerTime
from ..runtime.declaration import BUILDER_FLAG, QUANTISED_FILE, TYPED_FILE, Option
from ..runtime.gpu import GPU_OPTIONS, GpuLane, GpuRuntime
from ..runtime.non_finite import NonFinite
from ..runtime.packages import import_package, require_file
from ..runtime.tensors import match_inputs

if TYPE_CHECKING:
    import numpy as np

ENGINE_ENDINGS = (".engine", ".plan")
"""Of files that are built already."""


class TensorRt(GpuRuntime):
    """The types of the ONNX file decide from TensorRT 10.12 on; before, half precision is asked of the builder. In int8
    are the layers between the file's pairs of QuantizeLinear and DequantizeLinear, the rest is in fp32."""

    name = "tensorrt"
    FORMAT = "onnx"
    ALSO_LOADS: Tuple[str, ...] = ("engine",)
    MODULES: Tuple[Tuple[str, ...], ...] = (("tensorrt",), ("cuda", "pycuda"))
    DISTRIBUTIONS: Tuple[str, ...] = ("tensorrt", "pycuda", "cuda-python")
    INSTALL = (
        "pip install tensorrt, on x86 (with NVIDIA's own index where the default one has only stubs); on a Jetson it "
        "comes with JetPack: use the system's Python, or a virtual environment with --system-site-packages"
    )
    BUILDS_ENGINES = True
    PROFILES = True
    FINDS_NON_FINITE = True
    PRECISIONS = {"fp32": TYPED_FILE, "fp16": BUILDER_FLAG, "bf16": BUILDER_FLAG, "int8": QUANTISED_FILE}
    QUANTISER = "tensorrt"
    TYPED_SINCE: Optional[Tuple[int, ...]] = FIRST_TYPED
    OPTIONS = dict(
        GPU_OPTIONS,
        precision=Option("fp32", "What the engine computes in.", choices=tuple(PRECISIONS)),
        memory=Option("auto", "Library for GPU memory; auto: pycuda, else cuda-python.", choices=("auto", *LIBRARIES)),
        workspace_mb=Option(0, "Memory that building may use; 0: the library's own limit.", minimum=0),
        optimisation_level=Option(-1, "Of the builder; -1: its own.", minimum=-1),
        tf32=Option(False, "fp32 products keep 10 bits of mantissa."),
        cache=Option(True, "Engines are kept, and found again."),
        build=Option(0, "1, 2, ...: further builds of the same engine, without the timing cache.", minimum=0),
    )
    RTX = False

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.api = TensorRtApi(self._import(), self.RTX)
        self.open_gpu()

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        self._artifact = artifact
        self._shapes = {tensor.name: tensor.artifact_shape for tensor in inputs}
        plan = self._ready_made(artifact) if artifact.endswith(ENGINE_ENDINGS) else self._built(artifact)
        self.engine = self.api.deserialise(plan)
        self.inputs, self.output_tensors = self.api.tensors(self.engine)
        if all(None not in tensor.shape for tensor in self.inputs):
            refuse_open(self.output_tensors)
        return match_inputs(inputs, self.inputs)

    def facts(self) -> Dict[str, Any]:
        facts: Dict[str, Any] = {
            "runtime": {"name": self.name, "package": self.api.module.__name__, "version": self.api.version},
            "options": self.options,
            "inputs": [tensor.to_json() for tensor in self.inputs],
            "outputs": [tensor.to_json() for tensor in self.output_tensors],
            "gpu": self.gpu_facts(),
            "engine": self._engine_facts,
        }
        facts.update(layer_facts(self.api.layers(self.engine)))
        return facts

    def make_lane(self) -> EngineLane:
        options = self.options
        return EngineLane(self.api, self.engine, self.memory, options["pinned"], options["spin"], self._shapes)

    def feed(self, lane: GpuLane, arrays: Sequence["np.ndarray"]) -> None:
        assert isinstance(lane, EngineLane)
        lane.feed(arrays)

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        return self._first_lane().outputs()

    def profile(self, count: int) -> List[LayerTime]:
        operators, lane = layer_operators(self.api.layers(self.engine)), self._first_lane()
        with lane.without_graph():
            return self.api.profile(lane.context, self.request, count, operators)

    def first_non_finite(self) -> Optional[NonFinite]:
        if self._artifact.endswith(ENGINE_ENDINGS):
            raise bad_request("an engine shows no outputs of its layers", "deploy the ONNX file instead")
        return first_non_finite(self.api, self.memory, self._artifact, self._build_options(b""), self._arrays)

    def close(self) -> None:
        self._lanes = []
        self.engine = None
        super().close()

    def _first_lane(self) -> EngineLane:
        lane = self._lanes[0]
        assert isinstance(lane, EngineLane)
        return lane

    def _import(self) -> Any:
        return import_package("tensorrt", self.name, self.INSTALL)

    def _ready_made(self, artifact: str) -> bytes:
        with open(artifact, "rb") as stream:
            plan = stream.read()
        self._engine_facts: Dict[str, Any] = OrderedDict(
            origin="given", sha256=file_sha256(artifact), size_bytes=len(plan)
        )
        return plan

    def _built(self, artifact: str) -> bytes:
        """From the cache, or built now."""
        gpu = self.memory.facts()
        machine = OrderedDict(
            tensorrt=self.api.version,
            package=self.api.module.__name__,
            gpu=gpu.get("name"),
            compute_capability=gpu.get("compute_capability"),
            driver=gpu.get("driver"),
        )
        asked = {
            name: self.options[name] for name in ("precision", "workspace_mb", "optimisation_level", "tf32", "build")
        }
        cache = EngineCache(default_folder()) if self.options["cache"] else None
        # An engine of a file that leaves sizes open is made for these alone.
        sizes = {name: list(shape) for name, shape in self._shapes.items()}
        key = engine_key(dict(machine, onnx_sha256=_onnx_sha256(artifact), options=asked, sizes=sizes))
        found = cache.find(key) if cache is not None else None
        if found is not None:
            self._engine_facts = OrderedDict(found.facts, origin="cache")
            return found.plan

        timings_key = engine_key(machine)
        reuse = cache is not None and self.options["build"] == 0
        started_ns = self.clock()
        plan, timings = self.api.build(
            artifact, self._build_options(cache.timings(timings_key) if reuse and cache else b"")
        )
        facts = OrderedDict(machine, build_ns=self.clock() - started_ns, **asked)
        if cache is None:
            self._engine_facts = OrderedDict(facts, origin="built", size_bytes=len(plan))
            return plan
        if reuse:
            cache.store_timings(timings_key, timings)
        self._engine_facts = OrderedDict(cache.store(key, plan, facts), origin="built")
        return plan

    def _build_options(self, timings: bytes) -> Build:
        level = self.options["optimisation_level"]
        return Build(
            precision=self.options["precision"],
            workspace_bytes=self.options["workspace_mb"] << 20,
            optimisation_level=None if level < 0 else level,
            tf32=self.options["tf32"],
            timing_cache=timings,
            shapes=self._shapes,
        )


def _onnx_sha256(path: str) -> List[str]:
    """Of the file, and of those beside it that hold its weights."""
    with open(path, "rb") as stream:
        model = stream.read()
    try:
        names = external_files(model)
    except ValueError:
        names = []  # the parser will say what is wrong with it
    beside = [os.path.join(os.path.dirname(path), name) for name in names]
    return [file_sha256(one) for one in [path, *beside] if os.path.isfile(one)]
