"""TensorRT in software, one module a version, each with the names that this version really has and without the others.

Python 3.6, as on the first Jetsons, imports it too.

An "ONNX file" is JSON: {"opset": 13, "scale": 2.0, "shape": [1, 3, 4, 4]}. The engine computes y = scale * x on the
fake GPU's memory; "layers" in place of "scale" is a chain of several, [[name, type, input, output, scale], ...]. Its
steps are in half precision where that was asked for. A plan carries the version that built it and loads in that version
alone.
"""

import enum
import json
import types
from pathlib import Path

import numpy as np

HIGHEST_OPSET = {"8.2.1.8": 13, "8.6.1": 17}


def fake_tensorrt(version, gpu, rtx=False):
    numbers = tuple(int(word) for word in version.split("."))
    old, by_name = numbers < (8, 4) and not rtx, numbers >= (8, 5) or rtx
    typed_only = rtx or numbers >= (11,)
    trt = types.ModuleType("tensorrt_rtx" if rtx else "tensorrt")
    trt.__version__ = version
    trt.log = []
    trt.fail_build = None
    trt.has_plugins = False
    trt.has_fast_int8 = True

    class ILogger:
        INTERNAL_ERROR, ERROR, WARNING, INFO = range(4)

        def __init__(self):
            pass

    obey = "OBEY_PRECISION_CONSTRAINTS" if numbers >= (8, 2) else "STRICT_TYPES"
    flags = ["TF32", "DEBUG"] + ([] if typed_only else ["FP16", "INT8", obey])
    trt.ILogger = ILogger
    trt.BuilderFlag = enum.IntEnum("BuilderFlag", flags)
    network_flags = ["STRONGLY_TYPED"] if typed_only else ["EXPLICIT_BATCH"]
    if numbers >= (10,) and not typed_only:
        network_flags.append("STRONGLY_TYPED")
    trt.NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", network_flags, start=0)
    trt.ProfilingVerbosity = enum.IntEnum("ProfilingVerbosity", ["LAYER_NAMES_ONLY", "DETAILED"])
    trt.LayerInformationFormat = enum.IntEnum("LayerInformationFormat", ["ONELINE", "JSON"])
    trt.MemoryPoolType = enum.IntEnum("MemoryPoolType", ["WORKSPACE"])
    trt.DataType = enum.IntEnum("DataType", ["FLOAT", "HALF"])
    trt.LayerType = enum.IntEnum("LayerType", ["CONVOLUTION", "ELEMENTWISE", "CONSTANT"])
    trt.TensorIOMode = enum.IntEnum("TensorIOMode", ["INPUT", "OUTPUT"])

    class IProfiler:
        def __init__(self):
            pass

    trt.IProfiler = IProfiler

    class Tensor:
        is_shape_tensor = False

        def __init__(self, name, graph):
            self.name, self._graph = name, graph
            half = graph.get("typed") == "fp16" and name not in ("image", "y")
            self.dtype = trt.DataType.HALF if half else trt.DataType.FLOAT

        @property
        def shape(self):
            return tuple(self._graph.get("shape", ()))

        @shape.setter
        def shape(self, sizes):
            self._graph["shape"] = list(sizes)

    class Layer:
        num_inputs = num_outputs = 1
        precision = None

        def __init__(self, tensors, row):
            self.name, kind, source, target = row[:4]
            self.type = trt.LayerType[kind]
            self._source, self._target = tensors.get(source), tensors[target]

        def get_input(self, number):
            return self._source

        def get_output(self, number):
            return self._target

        def set_output_type(self, number, kind):
            self._target.dtype = kind

    class Network:
        num_inputs = 1

        def __init__(self, given):
            self.flags, self.graph = given, {}
            self.outputs = []

        def read(self, graph):
            rows = graph.setdefault("layers", [["scaled", "ELEMENTWISE", "image", "y", graph.get("scale")]])
            self.graph = graph
            self.tensors = {name: Tensor(name, graph) for row in rows for name in row[2:4] if name}
            self.layers = [Layer(self.tensors, row) for row in rows]
            self.outputs = [self.tensors["y"]] if graph.get("outputs", 1) else []

        @property
        def num_layers(self):
            return len(self.layers)

        @property
        def num_outputs(self):
            return len(self.outputs)

        def get_layer(self, number):
            return self.layers[number]

        def get_input(self, number):
            return self.tensors["image"]

        def get_output(self, number):
            return self.outputs[number]

        def mark_output(self, tensor):
            assert tensor not in self.outputs, "TensorRT refuses an output that is one already"
            self.outputs.append(tensor)

    class TimingCache:
        def __init__(self, content):
            self.content = content

        def serialize(self):
            return self.content + b"timed;"

    class Profile:
        def __init__(self):
            self.shapes = {}

        def set_shape(self, name, least, best, most):
            assert least == best == most
            self.shapes[name] = best

    class Config:
        def __init__(self):
            self.set = {trt.BuilderFlag.TF32}
            self.pool = None
            self.profiling_verbosity = None
            if old:
                self.max_workspace_size = 0
            else:
                self.set_memory_pool_limit = self._limit
            if numbers >= (8, 6):
                self.builder_optimization_level = 3
            if not rtx:
                self.create_timing_cache = TimingCache
                self.set_timing_cache = self._set_timing_cache
            self.cache = None
            self.profiles = []

        def add_optimization_profile(self, profile):
            self.profiles.append(profile)
            return len(self.profiles) - 1

        def set_flag(self, flag):
            self.set.add(flag)

        def clear_flag(self, flag):
            self.set.discard(flag)

        def _limit(self, pool, size_bytes):
            self.pool = size_bytes

        def _set_timing_cache(self, cache, ignore_mismatch):
            if cache.content and not cache.content.startswith(b"timed;"):
                return False
            self.cache = cache
            return True

    class Builder:
        def __init__(self, logger):
            if gpu.broken:
                logger.log(ILogger.ERROR, gpu.broken)
                raise TypeError("pybind11::init(): factory function returned nullptr")
            self._logger = logger
            if not typed_only:
                self.platform_has_fast_int8 = trt.has_fast_int8

        def create_network(self, given):
            return Network(given)

        def create_builder_config(self):
            return Config()

        def create_optimization_profile(self):
            return Profile()

        def build_serialized_network(self, network, config):
            if trt.fail_build:
                self._logger.log(ILogger.ERROR, trt.fail_build)
                return None
            if -1 in network.graph["shape"] and not config.profiles:
                self._logger.log(
                    ILogger.ERROR, "Network has dynamic inputs, but no optimization profile has been defined"
                )
                return None
            half = network.graph.get("typed") == "fp16" or any(flag.name == "FP16" for flag in config.set)
            trt.log.append((network, config))
            bound = network.layers if any(flag.name == obey for flag in config.set) else []
            plan = {
                **network.graph,
                "version": version,
                "profile": [profile.shapes["image"] for profile in config.profiles],
                "half": half,
                "float32": [one.get_output(0).name for one in bound if one.precision == trt.DataType.FLOAT],
                "io": [["image", "FLOAT"], *([one.name, one.dtype.name] for one in network.outputs)],
                "detailed": config.profiling_verbosity == trt.ProfilingVerbosity.DETAILED,
            }
            return json.dumps(plan).encode()

    class OnnxParser:
        def __init__(self, network, logger):
            self._network, self._errors = network, []

        @property
        def num_errors(self):
            return len(self._errors)

        def get_error(self, number):
            return self._errors[number]

        def parse_from_file(self, path):
            graph = json.loads(Path(path).read_text())
            highest = HIGHEST_OPSET.get(version, 20)
            if graph["opset"] > highest:
                self._errors.append(f"opset {graph['opset']} is newer than {highest}")
                return False
            self._network.read(graph)
            trt.has_plugins = True
            return True

    class Inspector:
        def __init__(self, plan):
            self._plan = plan

        def get_engine_information(self, form):
            if not self._plan["detailed"]:
                return json.dumps({"Layers": ["conv", "reformat"]})
            kind = (
                "Two wide channel vectorized row major FP16 format" if self._plan["half"] else "Row major linear FP32"
            )
            layers = [
                {"Name": name, "LayerType": layer, "Inputs": [{"Format/Datatype": kind}], "Outputs": []}
                for name, layer in (("conv", "CaskConvolution"), ("gemm", "gemm"), ("r", "Reformat"))
            ]
            return json.dumps({"Layers": layers})

    class Context:
        def __init__(self, engine):
            self._engine, self._addresses = engine, {}
            self.profiler = None
            self._shape = tuple(engine.plan["shape"])
            if by_name:
                self.set_tensor_address = self._set
                self.execute_async_v3 = self._by_name
                self.set_input_shape = self._resize
                self.get_tensor_shape = lambda name: self._shape
            else:
                self.execute_async_v2 = self._by_number
                self.set_binding_shape = self._resize
                self.get_binding_shape = lambda number: self._shape

        def _resize(self, which, shape):
            assert which in (0, "image")
            fits = list(shape) in self._engine.plan["profile"]
            self._shape = tuple(shape) if fits else self._shape
            return fits

        def _set(self, name, address):
            self._addresses[name] = address
            return True

        def _by_name(self, stream):
            return self._run(stream, self._addresses)

        def _by_number(self, bindings, stream):
            names = [name for name, _ in self._engine.plan["io"]]
            assert len(names) == len(bindings)
            return self._run(stream, {name: bindings[number] for number, name in enumerate(names)})

        def _run(self, stream, addresses):
            plan = self._engine.plan
            shape = self._shape
            assert -1 not in shape, "the context was not told its sizes"

            def work():
                values = {"image": gpu.array(addresses["image"], "float32", shape)}
                dtypes = {name: "float16" if kind == "HALF" else "float32" for name, kind in plan["io"]}
                for _, kind, source, target, scale in plan["layers"]:
                    with np.errstate(over="ignore", invalid="ignore"):
                        if target in plan["float32"] and source in values:
                            values[source] = values[source].astype("float32")
                        made = np.full(shape, scale, "float32") if kind == "CONSTANT" else values[source] * scale
                        # An output in float32 is written as it was summed up; between layers there is half precision.
                        half = plan["half"] and target not in ("y", *plan["float32"])
                        values[target] = made.astype("float16") if half else made
                        if target in addresses:
                            written = made.astype(dtypes[target])
                            gpu.array(addresses[target], dtypes[target], shape)[...] = written

            gpu.enqueue("compute", work, 50_000, stream)
            if self.profiler is not None:
                self.profiler.report_layer_time("conv", 0.04)
                self.profiler.report_layer_time("gemm", 0.01)
            return True

    class Engine:
        def __init__(self, plan):
            self.plan = plan
            names = [name for name, _ in plan["io"]]
            if by_name:
                self.num_io_tensors = len(names)
                self.get_tensor_name = names.__getitem__
                self.get_tensor_shape = lambda name: tuple(plan["shape"])
                self.get_tensor_dtype = lambda name: trt.DataType[dict(plan["io"])[name]]
                self.get_tensor_mode = lambda name: getattr(trt.TensorIOMode, "INPUT" if name == "image" else "OUTPUT")
            else:
                self.num_bindings = len(names)
                self.get_binding_name = names.__getitem__
                self.get_binding_shape = lambda number: tuple(plan["shape"])
                self.get_binding_dtype = lambda number: trt.DataType[plan["io"][number][1]]
                self.binding_is_input = lambda number: number == 0

        def create_engine_inspector(self):
            return Inspector(self.plan)

        def create_execution_context(self):
            return None if trt.fail_build == "context" else Context(self)

    class Runtime:
        def __init__(self, logger):
            self._logger = logger

        def deserialize_cuda_engine(self, plan):
            try:
                content = json.loads(plan)
            except ValueError:
                content = {"version": "none"}
            if content["version"] != version:
                self._logger.log(ILogger.ERROR, f"Version tag does not match: current {version}, {content['version']}")
                return None
            if content.get("plugin") and not trt.has_plugins:
                self._logger.log(ILogger.ERROR, f"Cannot deserialize plugin {content['plugin']}: no creator was found")
                return None
            return Engine(content)

    def init_libnvinfer_plugins(logger, namespace):
        assert namespace == ""
        trt.has_plugins = True
        return True

    if not rtx:
        trt.init_libnvinfer_plugins = init_libnvinfer_plugins
    for part in (Builder, OnnxParser, Runtime):
        setattr(trt, part.__name__, part)
    return trt
