"""One case on every runtime that its device has: which can be measured, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.errors import DeviceError, InventoryError
from latency_bench.devices.inventory import find_device
from latency_bench.devices.opening import open_device, runner_class
from latency_bench.harness.case import Case
from latency_bench.harness.case_artifact import Export, export_of
from latency_bench.harness.case_options import CaseOptions, case_of
from latency_bench.harness.case_requirements import require_for_cases
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.exporter import check_request

EVERY_RUNTIME = "all"
"""In the place of a runtime's name."""


@dataclass(frozen=True)
class RuntimeChoice:
    """`cases` can be measured; `left_out` has, by runtime, why it cannot."""

    cases: tuple[Case, ...]
    left_out: dict[str, str]


def on_every_runtime(request: CaseOptions, say: Callable[[str], None]) -> RuntimeChoice:
    """The case of `request` on each runtime of its device. `say` is told what is being looked at.

    Raises UsageError where no runtime is left, with the reasons, and DeviceError where the device does not answer.
    """
    device = find_device(request.device)
    cases: list[Case] = []
    left_out: dict[str, str] = {}
    with open_device(device) as session:
        for declared in runner_class(device.runner).known_runtimes():
            say(f"looking for the runtime {declared.name}")
            try:
                cases.append(_checked_case(request.model_copy(update={"runtime": declared.name}), session))
            except (DeviceError, UsageError, InventoryError, ExportError) as error:
                left_out[declared.name] = " ".join(str(error).split())
    if not cases:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise UsageError(f"none of the runtimes of {device.name} can measure this: {reasons}")
    return RuntimeChoice(tuple(cases), left_out)


def _checked_case(request: CaseOptions, session: DeviceSession) -> Case:
    """Raises DeviceError, UsageError, InventoryError or ExportError where the case cannot be measured."""
    case = case_of(request, single=False)
    require_for_cases([case])
    needed = export_of(case, session)
    if isinstance(needed, Export):
        check_request(needed.spec, needed.format, needed.options)
    session.check_runtime(case.runtime, case.all_runtime_options())
    return case
