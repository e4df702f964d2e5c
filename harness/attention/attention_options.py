"""The forms of attention as the command line names them: a form of a spec, with the kernel that PyTorch is to take."""

from __future__ import annotations

from dataclasses import dataclass

from bench_worker.libraries.torch_attention import KERNELS
from bench_worker.runtime.declaration import RuntimeDeclaration
from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.architectures.attention.subject import FORMS, Form

QUADRATIC: tuple[Form, ...] = ("relu-quadratic", "softmax", "sdpa")
_MULTI_SCALE = "-ms"


@dataclass(frozen=True)
class FormChoice:
    """`sdpa-flash-ms`: form `sdpa`, kernel `flash`, with multi-scale tokens."""

    form: Form
    multi_scale: bool = False
    kernel: str | None = None

    @property
    def runtime_options(self) -> dict[str, str]:
        return {} if self.kernel is None else {"sdpa": self.kernel}


def known_forms() -> list[str]:
    """Every name that `parse_form` takes, without the ending -ms, which each may have."""
    return [*FORMS, *(f"sdpa-{kernel}" for kernel in KERNELS)]


def parse_form(name: str) -> FormChoice:
    """Raises UsageError with the known names."""
    plain = name.removesuffix(_MULTI_SCALE)
    multi_scale = plain != name
    if plain in FORMS:
        return FormChoice(plain, multi_scale)
    if plain in known_forms():
        return FormChoice("sdpa", multi_scale, plain.removeprefix("sdpa-"))
    raise UsageError(
        f"there is no form of attention called {name!r}; the forms are {', '.join(known_forms())}, each also -ms"
    )


def default_forms(declared: type[RuntimeDeclaration]) -> tuple[str, ...]:
    """Those that are different programs there: only PyTorch and TensorRT can have attention fused, and of these only
    PyTorch from a file that says so."""
    forms = ("relu-linear", "relu-linear-ms", "relu-quadratic", "softmax")
    return (*forms, "sdpa") if has_kernels(declared) else forms


def check_kernel(choice: FormChoice, declared: type[RuntimeDeclaration]) -> None:
    """Raises UsageError for a forced kernel on a runtime that has none to choose from."""
    if choice.kernel is not None and not has_kernels(declared):
        raise UsageError(
            f"sdpa-{choice.kernel} forces a kernel of PyTorch; runtime {declared.name} has none to choose from. "
            f"Use softmax, or --runtime {' or '.join(_kernel_runtimes())}"
        )


def has_kernels(declared: type[RuntimeDeclaration]) -> bool:
    """Whether a runtime has a kernel of PyTorch's fused attention to choose."""
    return "sdpa" in declared.OPTIONS


def _kernel_runtimes() -> list[str]:
    return [name for name in runtime_names() if has_kernels(runtime_class(name))]
