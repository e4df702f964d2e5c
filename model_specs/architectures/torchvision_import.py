"""Make torchvision importable beside a build of torch that its compiled operators do not fit.

timm and transformers import torchvision, although nothing of what we build runs one of its operators. The wheels on
PyPI are compiled for the CUDA build of torch: beside a CPU build the library of operators fails to load, and the import
then stops at the first operator it wants to describe ("operator torchvision::nms does not exist"), leaving submodules
behind. Declaring those operators first, without an implementation, lets the import go through; calling one still fails,
with torch's own message that there is no kernel.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.model_specs.errors import SpecError

if TYPE_CHECKING:
    import torch

# Operators that torchvision attaches shape functions to while it is imported, whether or not its library loaded.
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
# A declaration lives as long as its Library object.
_declared: list[torch.library.Library] = []
_lock = threading.Lock()


def prepare_torchvision() -> None:
    """Import torchvision, declaring the operators that its import needs where its own library does not load.

    To be called before timm or transformers is imported. Does nothing to a torchvision that fits, or that is imported
    already; a second call costs a dictionary lookup.

    Raises SpecError when torchvision is not installed, or cannot be imported for another reason.
    """
    with _lock:
        if "torchvision" in sys.modules:
            return
        folder = _package_folder()
        _forget_partial_import()
        if not _library_loads(folder):
            _declare_operators()
        try:
            importlib.import_module("torchvision")
        except (ImportError, RuntimeError, AttributeError) as error:
            _forget_partial_import()
            raise SpecError(
                f"torchvision in {folder} cannot be imported beside this torch: {error}\n"
                "Install the torchvision release that belongs to this torch release."
            ) from error


def _package_folder() -> Path:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise SpecError(
            "this model comes from timm or transformers, which need torchvision, and it is not installed.\n"
            "Install the extra: pip install 'latency-bench[zoo]'"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _library_loads(folder: Path) -> bool:
    """Whether torchvision's compiled operators load beside this torch; if so they are registered from here on.

    The same attempt that torchvision makes when it is imported (loading twice is harmless), made before it, so that a
    failure is known while there is still something to do about it.
    """
    import torch

    loader = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    spec = importlib.machinery.FileFinder(str(folder), loader).find_spec("_C")
    if spec is None or spec.origin is None:
        return False
    try:
        torch.ops.load_library(spec.origin)  # type: ignore[no-untyped-call]
    except (OSError, ImportError):
        return False
    return True


def _declare_operators() -> None:
    """Give torch the signatures of the missing operators; one that exists (from elsewhere) is left alone."""
    import torch

    for schema in _SCHEMAS:
        name = schema.partition("(")[0]
        if hasattr(torch.ops.torchvision, name):
            continue
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        library.define(schema)  # type: ignore[no-untyped-call]
        _declared.append(library)


def _forget_partial_import() -> None:
    """Drop the submodules of an import that failed: a second attempt would reuse them without their package."""
    for name in [name for name in sys.modules if name.startswith("torchvision.")]:
        del sys.modules[name]
