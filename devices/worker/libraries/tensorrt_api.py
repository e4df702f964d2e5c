"""The version seam of TensorRT: one small interface over the Python API of 8.2, 8.6, 10, 11 and TensorRT for RTX.

| | up to 8.4 | 8.5 to 10.11 | 10.12 and later | 11, RTX |
|---|---|---|---|---|
| tensors | bindings, by number | by name | by name | by name |
| fp16 | builder flag | builder flag | flag deprecated: types of the ONNX file | flag gone: types of the ONNX file |
| int8 | pairs in the file, and a flag | the same | pairs in the file | pairs in the file |

Where the types of the file decide, the network is created strongly typed. (NVIDIA, TensorRT release notes and API.)
"""

import json
from collections import OrderedDict
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..failure import BAD_ARTIFACT, OUT_OF_MEMORY, RUNTIME_FAILED, WorkerError, bad_request, one_line
from ..memory.failure import GPU_OUT_OF_MEMORY, LESS_GPU_MEMORY, OUT_OF_GPU_MEMORY, cuda_failure
from ..runtime.base import LayerTime, TensorInfo
from ..runtime.packages import version_numbers
from .tensorrt_float32 import hold_float32

FIRST_TYPED = (10, 12)
"""From here on half precision is written in the ONNX file; before, it is asked of the builder."""

_HALF = ("fp16", "bf16")

_DTYPES = {
    "FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16", "INT8": "int8", "INT32": "int32", "INT64": "int64",
    "UINT8": "uint8", "BOOL": "bool",
}  # fmt: skip


class Build(NamedTuple):
    """What a build is asked for."""

    precision: str
    workspace_bytes: int
    optimisation_level: Optional[int]
    tf32: bool
    timing_cache: bytes
    shapes: Mapping[str, Sequence[int]] = {}
    """Sizes of the inputs by name, for those that the file leaves open: the only ones that the engine has to take."""


class TensorRtApi:
    """`module` is `tensorrt`, `tensorrt_rtx`, or anything with their interface."""

    def __init__(self, module: Any, rtx: bool = False) -> None:
        self.module = module
        self.rtx = rtx
        self.version = str(module.__version__)
        self.messages: List[str] = []
        """Errors of what is being done: what a step that succeeded complained of is no reason of a later one."""
        self._logger = _make_logger(module, self.messages)
        if hasattr(module, "init_libnvinfer_plugins"):
            # An engine with a plugin in it loads only where they are registered: until 8.6, InstanceNormalization.
            # The parser registers them by itself; a process that finds its engine in the cache has no parser.
            module.init_libnvinfer_plugins(self._logger, "")

    @property
    def typed(self) -> bool:
        """Whether the types of the ONNX file decide."""
        return self.rtx or version_numbers(self.version) >= FIRST_TYPED

    def build(
        self, onnx: str, wanted: Build, change: Callable[[Any], None] = lambda network: None
    ) -> Tuple[bytes, bytes]:
        """The serialised engine, and the timing cache after it (empty where there is none). `change` gets the network
        that was read before it is built.

        Raises WorkerError: bad-artifact for a file that the parser refuses, with its own words; out-of-memory;
        runtime-missing without a driver; runtime-failed where the builder gives up.
        """
        trt = self.module
        self.messages.clear()
        if self.typed and wanted.precision == "bf16":
            raise bad_request("no ONNX file of ours carries bf16", "ask for fp16, or for the runtime torch-cuda")
        try:
            builder = trt.Builder(self._logger)
        except Exception as error:
            # Without a driver the constructor returns a null pointer, which Python reports as a TypeError.
            raise cuda_failure(self._words(error), "while starting TensorRT's builder")
        if wanted.precision == "int8" and not getattr(builder, "platform_has_fast_int8", True):
            raise bad_request("TensorRT has no kernels in int8 for this GPU", "ask for fp16")
        network = builder.create_network(self._network_flags())
        self._parse(onnx, network)
        change(network)
        config = builder.create_builder_config()
        self._configure(config, wanted)
        if not self.typed and wanted.precision in _HALF:
            hold_float32(trt, network, config)
        self._add_profile(builder, network, config, wanted.shapes)
        cache = self._use_timing_cache(config, wanted.timing_cache)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise self._failure("TensorRT could not build an engine of %s" % onnx)
        timings = bytes(memoryview(cache.serialize())) if cache is not None else b""
        return bytes(memoryview(plan)), timings

    def _add_profile(self, builder: Any, network: Any, config: Any, shapes: Mapping[str, Sequence[int]]) -> None:
        """One optimisation profile, made for the sizes that are measured alone."""
        inputs = [network.get_input(number) for number in range(network.num_inputs)]
        still_open = [tensor for tensor in inputs if any(int(size) < 0 for size in tensor.shape)]
        if not still_open:
            return
        profile = builder.create_optimization_profile()
        for tensor in still_open:
            if tensor.name not in shapes or len(shapes[tensor.name]) != len(tensor.shape):
                raise bad_request("%s of the file has a size that is left open" % tensor.name, "give it with --shape")
            sizes = tuple(shapes[tensor.name])
            profile.set_shape(tensor.name, sizes, sizes, sizes)
        config.add_optimization_profile(profile)

    def set_shapes(self, engine: Any, context: Any, shapes: Mapping[str, Sequence[int]]) -> None:
        """Tell a context the sizes of inputs that its engine leaves open. Raises WorkerError where it refuses them."""
        by_name = hasattr(context, "set_input_shape")
        for number, tensor in enumerate(self.tensors(engine)[0]):
            if None not in tensor.shape:
                continue
            sizes = tuple(shapes[tensor.name])
            # Before 8.5 inputs come first among the bindings, in the same order.
            accepted = (
                context.set_input_shape(tensor.name, sizes) if by_name else context.set_binding_shape(number, sizes)
            )
            if not accepted:
                raise bad_request("the engine does not take %s of size %s" % (tensor.name, list(sizes)))

    def sized(self, context: Any, tensors: Sequence[TensorInfo]) -> List[TensorInfo]:
        """The tensors with the sizes that a context has for them, in the engine's order, inputs before outputs."""
        if hasattr(context, "get_tensor_shape"):
            shapes = [context.get_tensor_shape(tensor.name) for tensor in tensors]
        else:
            shapes = [context.get_binding_shape(number) for number in range(len(tensors))]
        return [
            tensor._replace(shape=tuple(None if int(size) < 0 else int(size) for size in shape))
            for tensor, shape in zip(tensors, shapes)
        ]

    def deserialise(self, plan: bytes) -> Any:
        """The engine. Raises WorkerError (bad-artifact) for one of another version or GPU, or a damaged one."""
        self.messages.clear()
        try:
            runtime = self.module.Runtime(self._logger)
            engine = runtime.deserialize_cuda_engine(plan)
        except Exception as error:
            raise cuda_failure(self._words(error), "while loading the engine")
        if engine is None:
            doing = "while loading the engine"
            memory = self._out_of_memory(doing)
            if memory is None and "cudaerror" in self._said().lower().replace(" ", ""):
                # It is CUDA that failed (no driver, the GPU went away); the engine may be as good as ever.
                raise cuda_failure(self._said(), doing)
            raise memory or WorkerError(
                BAD_ARTIFACT,
                "TensorRT %s cannot load the engine: %s" % (self.version, self._said()),
                "an engine runs only on the GPU model and TensorRT version that built it: deploy the ONNX file instead",
            )
        return engine

    def tensors(self, engine: Any) -> Tuple[List[TensorInfo], List[TensorInfo]]:
        """Inputs and outputs of the engine, in its order."""
        found: Tuple[List[TensorInfo], List[TensorInfo]] = ([], [])
        if hasattr(engine, "num_io_tensors"):
            for number in range(engine.num_io_tensors):
                name = engine.get_tensor_name(number)
                shape, dtype = engine.get_tensor_shape(name), engine.get_tensor_dtype(name)
                is_input = engine.get_tensor_mode(name) == self.module.TensorIOMode.INPUT
                found[0 if is_input else 1].append(_tensor(name, shape, dtype))
        else:
            for number in range(engine.num_bindings):
                name, shape = engine.get_binding_name(number), engine.get_binding_shape(number)
                is_input = engine.binding_is_input(number)
                found[0 if is_input else 1].append(_tensor(name, shape, engine.get_binding_dtype(number)))
        return found

    def layers(self, engine: Any) -> Optional[List[Any]]:
        """What the inspector says of each layer: dictionaries, or names alone; None where there is no inspector."""
        try:
            inspector = engine.create_engine_inspector()
            text = inspector.get_engine_information(self.module.LayerInformationFormat.JSON)
            layers = json.loads(text).get("Layers")
        except Exception:
            return None
        return layers if isinstance(layers, list) else None

    def context(self, engine: Any) -> Any:
        """Raises WorkerError (out-of-memory, mostly: the context holds the activations)."""
        self.messages.clear()
        try:
            context = engine.create_execution_context()
        except Exception as error:
            raise cuda_failure(self._words(error), "while making room for the activations")
        if context is None:
            raise self._failure("TensorRT could not make an execution context")
        return context

    def bind(self, engine: Any, context: Any, addresses: Dict[str, int]) -> "Execution":
        """Tell the context where its tensors are, once."""
        if hasattr(context, "execute_async_v3"):
            for name, address in addresses.items():
                if not context.set_tensor_address(name, address):
                    raise self._failure("TensorRT did not take the address of %s" % name)
            return Execution(self, context.execute_async_v3)
        order = [addresses[engine.get_binding_name(number)] for number in range(engine.num_bindings)]
        return Execution(self, partial(context.execute_async_v2, order))

    def profile(
        self, context: Any, request: Callable[[], Any], count: int, operators: Mapping[str, str]
    ) -> List[LayerTime]:
        """TensorRT's own profiler: it reports every layer after every request, which then runs layer by layer.
        `operators` are the layers' types by name, as far as they are known."""
        totals: Dict[str, List[float]] = OrderedDict()

        class Collector(self.module.IProfiler):  # type: ignore[misc, name-defined]
            def __init__(self, base: Any) -> None:
                base.__init__(self)

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                total = totals.setdefault(layer_name, [0, 0.0])
                total[0] += 1
                total[1] += ms

        context.profiler = Collector(self.module.IProfiler)
        for _ in range(count):
            request()
        if not totals:
            raise WorkerError(
                RUNTIME_FAILED,
                "TensorRT %s did not report the time of any layer" % self.version,
                "profile it with NVIDIA's own tools (trtexec --dumpProfile, nsys)",
            )
        layers = [
            LayerTime(name, operators.get(name, "unknown"), int(calls), int(ms * 1e6))
            for name, (calls, ms) in totals.items()
        ]
        return sorted(layers, key=lambda layer: -layer.total_ns)

    def _network_flags(self) -> int:
        names = self.module.NetworkDefinitionCreationFlag
        flags = 0
        # Explicit batch is the only kind from 10 on, where its flag does nothing, and is gone in 11.
        if hasattr(names, "EXPLICIT_BATCH") and version_numbers(self.version) < (10,) and not self.rtx:
            flags |= 1 << int(names.EXPLICIT_BATCH)
        if self.typed and hasattr(names, "STRONGLY_TYPED"):
            flags |= 1 << int(names.STRONGLY_TYPED)
        return flags

    def _parse(self, onnx: str, network: Any) -> None:
        parser = self.module.OnnxParser(network, self._logger)
        # From the file, so that the weights are not in memory twice, and files beside it are found.
        accepted = parser.parse_from_file(onnx)
        # Some bytes that are no ONNX file at all pass for an empty one.
        if not accepted or network.num_outputs == 0:
            errors = [str(parser.get_error(number)) for number in range(parser.num_errors)]
            if accepted:
                errors = ["there is no graph in it"]
            raise WorkerError(
                BAD_ARTIFACT,
                "TensorRT %s cannot read %s: %s" % (self.version, onnx, one_line("; ".join(errors) or self._said())),
                "TensorRT 8.2 reads ONNX opsets up to 13, 8.6 up to 17: set the device's onnx_opset lower",
            )

    def _configure(self, config: Any, wanted: Build) -> None:
        trt = self.module
        if hasattr(config, "set_memory_pool_limit"):
            if wanted.workspace_bytes:
                config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, wanted.workspace_bytes)
        else:
            # Before 8.4. Unset it is 0 there, which leaves the builder without most of its kernels.
            config.max_workspace_size = wanted.workspace_bytes or 1 << 30
        # 8.0 has others, and no inspector that would tell.
        if hasattr(getattr(trt, "ProfilingVerbosity", None), "DETAILED"):
            config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        if wanted.optimisation_level is not None:
            if not hasattr(config, "builder_optimization_level"):
                raise bad_request(
                    "TensorRT %s does not have optimisation levels" % self.version, "leave the option out"
                )
            config.builder_optimization_level = wanted.optimisation_level
        self._set_flag(config, "TF32", wanted.tf32)
        if not self.typed and wanted.precision != "fp32":
            if not hasattr(trt.BuilderFlag, wanted.precision.upper()):
                raise bad_request("TensorRT %s has no %s" % (self.version, wanted.precision), "ask for fp16")
            self._set_flag(config, wanted.precision.upper(), True)

    def _set_flag(self, config: Any, name: str, on: bool) -> None:
        if hasattr(self.module.BuilderFlag, name):
            flag = getattr(self.module.BuilderFlag, name)
            config.set_flag(flag) if on else config.clear_flag(flag)

    def _use_timing_cache(self, config: Any, content: bytes) -> Any:
        if self.rtx or not hasattr(config, "create_timing_cache"):
            return None  # TensorRT for RTX times nothing when it builds.
        # Of another version or GPU it is refused: then it starts empty.
        cache = config.create_timing_cache(content)
        if cache is None or not config.set_timing_cache(cache, False):
            cache = config.create_timing_cache(b"")
            if cache is None or not config.set_timing_cache(cache, False):
                return None
        return cache

    def _failure(self, what: str) -> WorkerError:
        return self._out_of_memory("in TensorRT") or WorkerError(
            RUNTIME_FAILED,
            "%s: %s" % (what, self._said()),
            "the log in the run's evidence says more; a larger workspace (runtime option workspace_mb) often helps",
        )

    def _out_of_memory(self, doing: str) -> Optional[WorkerError]:
        """What failed, if memory ran out on the way: a tactic that found no room is skipped, and only in the end no
        implementation is left."""
        for message in self.messages:
            if GPU_OUT_OF_MEMORY.search(message):
                said = "%s, %s: %s" % (OUT_OF_GPU_MEMORY, doing, one_line(message))
                return WorkerError(OUT_OF_MEMORY, said, LESS_GPU_MEMORY)
        return None

    def _words(self, error: Exception) -> str:
        return one_line("%s %s" % (error, self._said()))

    def _said(self) -> str:
        """TensorRT reports most errors to its logger alone."""
        return one_line("; ".join(self.messages[-3:])) or "it gave no reason"


class Execution:
    """A context whose tensors have their places. `start` enqueues it on the stream with this handle."""

    def __init__(self, api: TensorRtApi, start: Callable[[int], Any]) -> None:
        self._api = api
        self._start = start

    def enqueue(self, stream_handle: int) -> None:
        if not self._start(stream_handle):
            raise self._api._failure("TensorRT did not start the request")


def _make_logger(module: Any, messages: List[str]) -> Any:
    class Collector(module.ILogger):  # type: ignore[misc]
        """Keeps errors; the rest that matters goes to stderr, into the run's evidence."""

        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            import sys

            if severity in (module.ILogger.INTERNAL_ERROR, module.ILogger.ERROR):
                messages.append(message)
            if severity in (module.ILogger.INTERNAL_ERROR, module.ILogger.ERROR, module.ILogger.WARNING):
                sys.stderr.write("[TensorRT] %s\n" % message)

    return Collector()


def _tensor(name: str, shape: Sequence[int], dtype: Any) -> TensorInfo:
    sizes = tuple(None if int(size) < 0 else int(size) for size in shape)
    kind = getattr(dtype, "name", str(dtype).split(".")[-1])
    return TensorInfo(name, sizes, _DTYPES.get(kind, kind.lower()))
