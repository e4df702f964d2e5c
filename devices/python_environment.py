"""The environment of a Python that this computer starts: what says where packages are is kept, what changes how Python
behaves is not.

A worker must not end because its caller debugs something (`PYTHONWARNINGS=error`, `PYTHONINSPECT`), nor measure the
checks of Python itself (`PYTHONDEVMODE`, `PYTHONTRACEMALLOC`); and it finds its own modules itself (`PYTHONSAFEPATH`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from bench_worker.quiet_libraries import send_nothing

_WHERE_PACKAGES_ARE = ("PYTHONPATH", "PYTHONUSERBASE", "PYTHONNOUSERSITE")
_FILES = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
_OF_THIS_PYTHON = ("PYTHONHOME", "PYTHONPLATLIBDIR")
"""Where its standard library is: true of the same Python alone."""


def python_environment(environment: Mapping[str, str], same_python: bool) -> dict[str, str]:
    """`environment` for a child. `same_python`: whether it is the Python that this process runs on."""
    kept = (*_WHERE_PACKAGES_ARE, *_FILES, *(_OF_THIS_PYTHON if same_python else ()))
    cleaned = {name: value for name, value in environment.items() if not name.startswith("PYTHON") or name in kept}
    if path := cleaned.get("PYTHONPATH"):
        # The child starts in another folder.
        cleaned["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in path.split(os.pathsep) if entry)
    send_nothing(cleaned)
    return cleaned


def own_module_path() -> str:
    """PYTHONPATH of a child that has to be of the same sources and packages as this process."""
    return os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
