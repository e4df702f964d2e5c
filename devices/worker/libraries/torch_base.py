"""What the two runtimes of PyTorch share: a program saved by torch.export, loaded and described."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..failure import RUNTIME_FAILED, WorkerError
from ..job import InputTensor
from ..runtime.base import Runtime
from ..runtime.declaration import TYPED_FILE, Option
from ..runtime.non_finite import NonFinite
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import match_inputs
from .torch_attention import AUTO, KERNELS, force_kernel
from .torch_non_finite import first_non_finite
from .torch_program import layer_precisions, program_module, signature

if TYPE_CHECKING:
    import numpy as np

TORCH_OPTIONS: Dict[str, Option] = {
    "mode": Option("eager", "`compile`: the first request compiles.", choices=("eager", "compile")),
    "channels_last": Option(False, "Memory format of weights and 4-D tensors."),
    "sdpa": Option(AUTO, "Kernel of fused attention; auto: PyTorch chooses.", choices=(AUTO, *KERNELS)),
}
"""Options that both of them have."""


class TorchRuntime(Runtime):
    """A subclass says where the program runs."""

    FORMAT = "pt2"
    MODULES = (("torch",),)
    DISTRIBUTIONS = ("torch",)
    PROFILES = True
    FINDS_NON_FINITE = True
    PRECISIONS = {"fp32": TYPED_FILE, "fp16": TYPED_FILE, "bf16": TYPED_FILE}
    OPTIONS = TORCH_OPTIONS

    def import_torch(self) -> Any:
        """The package. Raises WorkerError (runtime-missing) without it."""
        self._torch = import_package("torch", self.name, self.INSTALL)
        force_kernel(self._torch, self.options["sdpa"])
        return self._torch

    def enter_inference_mode(self) -> None:
        """Once: the mode belongs to the thread, and entering it in every request would be part of the latency."""
        self._inference_mode = self._torch.inference_mode()
        self._inference_mode.__enter__()

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        try:
            program = self._torch.export.load(artifact)
            self._inputs, self._outputs = signature(program)
            self._precisions = layer_precisions(program)
        except Exception as error:
            raise unreadable(artifact, "PyTorch", error)
        ordered = match_inputs(inputs, self._inputs)
        module = self.placed(program)
        if self.options["channels_last"]:
            module = module.to(memory_format=self._torch.channels_last)
        self._eager = module
        self._module = self._torch.compile(module) if self.options["mode"] == "compile" else module
        return ordered

    def placed(self, program: Any) -> Any:
        """The program as a module, where it is to run."""
        return program_module(program)

    def arguments(self) -> Sequence[Any]:
        """The tensors that the program is called with, filled with the inputs."""
        raise NotImplementedError

    def facts(self) -> Dict[str, Any]:
        return {
            "runtime": {"name": self.name, "package": "torch", "version": package_version(self._torch, "torch")},
            "options": self.options,
            "inputs": [tensor.to_json() for tensor in self._inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
            "layer_precisions": self._precisions,
        }

    def first_non_finite(self) -> Optional[NonFinite]:
        return first_non_finite(self._torch, self._eager, self.arguments())

    def close(self) -> None:
        self._eager = self._module = None
        self._inference_mode.__exit__(None, None, None)
        super().close()

    def named(self, arrays: Sequence["np.ndarray"]) -> Mapping[str, "np.ndarray"]:
        """Outputs by the program's names."""
        if len(arrays) != len(self._outputs):
            raise WorkerError(
                RUNTIME_FAILED,
                "the program returns %d values and names %d outputs" % (len(arrays), len(self._outputs)),
                "export a module that returns one tensor or a tuple of tensors",
            )
        return OrderedDict((tensor.name, array) for tensor, array in zip(self._outputs, arrays))
