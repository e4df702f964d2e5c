"""The packages that a case takes on this computer, as its model, format and runtime declare them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress

from bench_worker.pipeline.library_packages import MODULES
from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.opening import declared_runtime
from latency_bench.harness.case import Case
from latency_bench.harness.export.errors import UnknownFormatError
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.installation.requirements import Alternatives, require


def require_for_cases(cases: Iterable[Case]) -> None:
    """All that exporting and measuring these cases needs on this computer. Raises MissingPackagesError."""
    require([module for case in cases for module in modules_of(case)])


def modules_of(case: Case) -> Iterable[str | Alternatives]:
    """What a case needs on this computer: the modules of its model, of its file's format and of its runtime."""
    if case.artifact is None:
        yield from modules_for_exporting(case.device, case.runtime)
        yield from _modules_for_quantising(case)
        yield from case.spec.requires
    yield from modules_for_running(case.device, case.runtime)
    yield from _modules_for_pipeline(case)


def _modules_for_pipeline(case: Case) -> Iterable[str]:
    """What makes the photograph here, and what decodes it where the worker is this Python."""
    if case.pipeline is not None:
        yield "PIL"
        if _runs_in_this_python(case.device):
            yield MODULES[case.pipeline]


def modules_for_exporting(device: Device, runtime: str) -> Iterable[str]:
    """Of the format that the runtime loads there; nothing for a runtime that is not known, which is told elsewhere."""
    with suppress(InventoryError, UnknownFormatError):
        yield from find_format(declared_runtime(device, runtime).FORMAT).modules


def _modules_for_quantising(case: Case) -> Iterable[str]:
    """Of the quantiser that makes the case's file, where one has to."""
    with suppress(InventoryError, UnknownFormatError):
        quantiser = find_format(case.declared.FORMAT).quantiser(case.export_options(case.precision))
        yield from () if quantiser is None else quantiser.modules


def modules_for_running(device: Device, runtime: str) -> Iterable[Alternatives]:
    """Of the runtime, where it runs in this very Python. Another one, here or on a device, is asked by the worker."""
    if _runs_in_this_python(device):
        with suppress(InventoryError):
            yield from declared_runtime(device, runtime).MODULES


def _runs_in_this_python(device: Device) -> bool:
    in_this_python = device.python is None or tuple(device.python) == (sys.executable,)
    return device.transport == "local" and device.runner == "worker" and in_this_python
