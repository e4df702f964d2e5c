"""A runtime of a third party in one file, with an option, a file format and a precision of its own: TorchScript.

docs/adding-a-device.md tells how to write it. On a device this file lies beside the worker, and latency-bench is not
there; on the host it is installed, and its entry points name the two classes.
"""

import json
from collections import OrderedDict

from bench_worker.api import (
    QUANTISED_FILE,
    THREADS,
    TYPED_FILE,
    HostRuntime,
    Option,
    Precision,
    TensorInfo,
    aligned_empty,
    import_package,
    match_inputs,
    package_version,
    require_file,
    unreadable,
)

try:
    from latency_bench.harness.export.errors import ExportError
    from latency_bench.harness.export.format import FileTensor, Format, Interface
    from latency_bench.harness.export.job import Conversion, channel_first
except ImportError:  # on a device, where nothing is exported
    Format = object

_INTERFACE = "interface.json"


class Scripted(HostRuntime):
    """A program saved by torch.jit, on the processor."""

    name = "scripted"
    FORMAT = "torchscript"
    MODULES = (("torch",),)
    DISTRIBUTIONS = ("torch",)
    INSTALL = "pip install torch"
    PRECISIONS = {"fp32": TYPED_FILE, "half-stored": QUANTISED_FILE}
    OWN_PRECISIONS = (
        Precision("half-stored", "weights rounded to fp16", 2, "float32", quantised=True, judged_as="fp16-weights"),
    )
    OPTIONS = {"threads": THREADS, "freeze": Option(False, "Weights become constants of the program.")}

    def __init__(self, options, clock):
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        self._torch = import_package("torch", self.name, self.INSTALL)
        self._torch.set_num_threads(self.options["threads"])

    def load(self, artifact, inputs):
        require_file(artifact)
        files = {_INTERFACE: ""}
        try:
            module = self._torch.jit.load(artifact, _extra_files=files)
            interface = json.loads(files[_INTERFACE])
        except Exception as error:
            raise unreadable(artifact, "TorchScript", error)
        self._module = self._torch.jit.freeze(module.eval()) if self.options["freeze"] else module.eval()
        self._inputs, self._outputs = (
            [TensorInfo(name, tuple(shape), dtype) for name, shape, dtype in interface[kind]]
            for kind in ("inputs", "outputs")
        )
        self._hosts = [aligned_empty(list(tensor.shape), tensor.dtype) for tensor in self._outputs]
        return match_inputs(inputs, self._inputs)

    def facts(self):
        return {
            "runtime": {"name": self.name, "package": "torch", "version": package_version(self._torch, "torch")},
            "options": self.options,
            "inputs": [tensor.to_json() for tensor in self._inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
        }

    def set_inputs(self, arrays):
        self._arrays = [self._torch.from_numpy(array) for array in arrays]
        self._arguments = [self._torch.empty_like(array) for array in self._arrays]

    def copy_in(self):
        for argument, array in zip(self._arguments, self._arrays):
            argument.copy_(array)

    def invoke(self):
        with self._torch.no_grad():
            computed = self._module(*self._arguments)
        self._computed = computed if isinstance(computed, (tuple, list)) else (computed,)

    def copy_out(self):
        for host, tensor in zip(self._hosts, self._computed):
            host[...] = tensor.numpy()

    def outputs(self):
        return OrderedDict((tensor.name, host) for tensor, host in zip(self._outputs, self._hosts))


class TorchScript(Format):
    """TorchScript with the interface beside the program."""

    name = "torchscript"
    title = "TorchScript"
    suffix = ".pts"
    precisions = ("fp32", "half-stored")
    modules = ("torch",)
    distributions = ("torch",)
    usual_runtime = "scripted"

    def export(self, job):
        import torch

        if job.precision == "half-stored":
            for tensor in (*job.module.parameters(), *job.module.buffers()):
                if tensor.is_floating_point():
                    tensor.data = tensor.data.half().float()
        program = torch.jit.trace(job.module, tuple(job.inputs.values()), check_trace=False)
        inputs, outputs = channel_first(job.inputs), channel_first(job.outputs)
        interface = {
            kind: [[tensor.name, list(tensor.shape), tensor.dtype] for tensor in tensors]
            for kind, tensors in (("inputs", inputs), ("outputs", outputs))
        }
        torch.jit.save(program, str(job.path), _extra_files={_INTERFACE: json.dumps(interface)})
        return Conversion(inputs, outputs, {"exporter": "torch.jit.trace"})

    def read(self, path):
        import torch

        files = {_INTERFACE: ""}
        try:
            torch.jit.load(str(path), _extra_files=files)
            interface = json.loads(files[_INTERFACE])
        except (RuntimeError, ValueError) as error:
            raise ExportError(f"{path.name} is no TorchScript file of this format") from error
        inputs, outputs = (
            tuple(FileTensor(name, tuple(shape), dtype) for name, shape, dtype in interface[kind])
            for kind in ("inputs", "outputs")
        )
        return Interface(inputs, outputs, precision="fp32")
