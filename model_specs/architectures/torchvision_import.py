"""Make torchvision importable beside a build of torch that its compiled operators do not fit.

timm and transformers import torchvision, although nothing of what we build runs one of its operators. The wheels on
PyPI are compiled for the CUDA build of torch: beside a CPU build the library of operators fails to load, and the import
then stops at the first operator it wants to describe ("operator torchvision::nms does not exist"), leaving submodules
behind. Declaring that operator, without an implementation, lets a second import go through; calling it still fails,
with torch's own message that there is no kernel.

An operator is declared only after torchvision's own import has failed for want of it. An operator that is registered
twice ends the process, so a library that might still load must never be anticipated.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import threading
from typing import TYPE_CHECKING

from latency_bench.model_specs.errors import SpecError

if TYPE_CHECKING:
    import torch

_ABSENT_OPERATOR = re.compile(r"\btorchvision::(\w+)\b.*does not exist")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
"""Of `nms` and its relatives. An operator that is declared and never called needs a schema, not its own one."""
_MOST_OPERATORS = 32
# A declaration lives as long as its Library object.
_declared: list[torch.library.Library] = []
_lock = threading.Lock()


def prepare_torchvision() -> None:
    """Import torchvision, declaring the operators that its import lacks where its own library does not load.

    To be called before timm or transformers is imported. Does nothing to a torchvision that fits, or that is imported
    already; a second call costs a dictionary lookup.

    Raises SpecError when torchvision cannot be imported for another reason, ModuleNotFoundError when it is not
    installed.
    """
    with _lock:
        for _ in range(_MOST_OPERATORS):
            if "torchvision" in sys.modules:
                return
            _forget_partial_import()
            try:
                importlib.import_module("torchvision")
            except (ImportError, RuntimeError, AttributeError) as error:
                absent = _ABSENT_OPERATOR.search(str(error))
                _forget_partial_import()
                if isinstance(error, ModuleNotFoundError) and error.name == "torchvision":
                    raise
                if absent is None or not _declare(absent[1]):
                    raise SpecError(
                        f"torchvision ({_place()}) cannot be imported beside this torch: {error}\n"
                        "Install the torchvision release that belongs to this torch release."
                    ) from error


def _declare(operator: str) -> bool:
    """Give torch the operator's name; False where it has it already, so that declaring cannot help."""
    import torch

    if hasattr(torch.ops.torchvision, operator):
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    library.define(operator + _SCHEMA)  # type: ignore[no-untyped-call]
    _declared.append(library)
    return True


def _forget_partial_import() -> None:
    """Drop the submodules of an import that failed: a second attempt would reuse them without their package."""
    for name in [name for name in sys.modules if name.startswith("torchvision.")]:
        del sys.modules[name]


def _place() -> str:
    spec = importlib.util.find_spec("torchvision")
    return str(spec.origin) if spec is not None else "not installed"
