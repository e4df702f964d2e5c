"""What a command needs beyond the core, asked for before anything is exported or measured."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from latency_bench.harness.errors import UsageError
from latency_bench.harness.installation.extras import least_extras, this_python, without_release
from latency_bench.harness.installation.origin import install_command

if TYPE_CHECKING:
    from latency_bench.devices.device import Device
    from latency_bench.harness.case import Case

Alternatives = tuple[str, ...]
"""Modules of which one is enough."""


class MissingPackagesError(UsageError):
    """Packages that a command needs are not installed; the message has the line that installs them all."""


def require(needed: Iterable[str | Alternatives]) -> None:
    """Raises MissingPackagesError, which names every module that is not there, and the extras that bring them."""
    groups = [(one,) if isinstance(one, str) else one for one in needed]
    missing = list(dict.fromkeys(group[0] for group in groups if not any(map(_is_there, group))))
    if missing:
        raise MissingPackagesError(explanation(missing))


def explanation(missing: Sequence[str]) -> str:
    """What is not installed, and what to type."""
    plural = "are" if len(missing) > 1 else "is"
    said = f"this needs {_listed(missing)}, which {plural} not installed"
    if unavailable := without_release(missing):
        return f"{said}, and {_listed(unavailable)} cannot be: no release is for Python {this_python()}"
    extras = least_extras(missing)
    if not extras:
        return f"{said}. Install the package that brings it"
    return f"{said}. To install what is missing: {install_command(extras)}"


def require_for_cases(cases: Iterable[Case]) -> None:
    """All that exporting and measuring these cases needs on this computer. Raises MissingPackagesError."""
    require([module for case in cases for module in modules_of(case)])


def modules_of(case: Case) -> Iterable[str | Alternatives]:
    """What a case needs on this computer: the modules of its model, of its file's format and of its runtime."""
    if case.artifact is None:
        yield from modules_for_exporting(case.device, case.runtime)
        yield from case.spec.requires
    yield from modules_for_running(case.device, case.runtime)


def modules_for_exporting(device: Device, runtime: str) -> Iterable[str]:
    """Of the format that the runtime loads there; nothing for a runtime that is not known, which is told elsewhere."""
    from latency_bench.devices.errors import InventoryError
    from latency_bench.devices.opening import declared_runtime
    from latency_bench.harness.export.errors import UnknownFormatError
    from latency_bench.harness.export.formats import find_format

    with suppress(InventoryError, UnknownFormatError):
        yield from find_format(declared_runtime(device, runtime).FORMAT).modules


def modules_for_running(device: Device, runtime: str) -> Iterable[Alternatives]:
    """Of the runtime, where it runs in this very Python. Another one, here or on a device, is asked by the worker."""
    from latency_bench.devices.errors import InventoryError
    from latency_bench.devices.opening import declared_runtime

    in_this_python = device.python is None or tuple(device.python) == (sys.executable,)
    if device.transport == "local" and device.runner == "worker" and in_this_python:
        with suppress(InventoryError):
            yield from declared_runtime(device, runtime).MODULES


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
