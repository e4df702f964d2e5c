"""Importing what may not be there, and its version."""

import importlib
import os
from typing import Any, List, Optional, Tuple

from ..failure import BAD_ARTIFACT, RUNTIME_MISSING, WorkerError, one_line, out_of_memory


def import_package(module: str, runtime: str, install: str) -> Any:
    """Import `module`. Raises WorkerError (runtime-missing) with the line that installs it."""
    try:
        return importlib.import_module(module)
    except Exception as error:
        # Not only ImportError: a package built against another numpy fails with AttributeError and others.
        raise WorkerError(
            RUNTIME_MISSING,
            "the runtime %s is not usable here: %s" % (runtime, one_line("%s: %s" % (type(error).__name__, error))),
            "install it with: %s" % install,
        )


def package_version(module: Any, distribution: str) -> Optional[str]:
    """What the package says its version is, or what it was installed as; None if neither tells."""
    version = getattr(module, "__version__", None)
    if isinstance(version, str):
        return version
    try:
        return str(importlib.import_module("importlib.metadata").version(distribution))
    except Exception:
        return None


def version_numbers(version: str) -> Tuple[int, ...]:
    """`10.13.3.9` -> (10, 13, 3, 9); what is no number ends it."""
    numbers: List[int] = []
    for word in version.split("."):
        if not word.isdigit():
            break
        numbers.append(int(word))
    return tuple(numbers)


def require_file(path: str) -> None:
    if not os.path.isfile(path):
        raise WorkerError(BAD_ARTIFACT, "the artifact %s does not exist" % path, "deploy it to the device first")


def unreadable(path: str, runtime: str, error: Exception) -> WorkerError:
    """The failure for a file that a runtime refuses."""
    if isinstance(error, WorkerError):
        return error
    # A long path, often said twice, would leave no room for the reason.
    said = ("%s: %s" % (type(error).__name__, error)).replace(path, os.path.basename(path)[-40:])
    return out_of_memory(error, "while loading %s" % path) or WorkerError(
        BAD_ARTIFACT,
        "%s cannot load %s: %s" % (runtime, path, one_line(said)),
        "export or copy the file again; if it stays, the runtime may be too old for it, or lack an operator in it",
    )
