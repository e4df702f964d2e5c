"""What can be wrong with a case is said before anything runs: read from what its runtime declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_worker.pipeline.library_packages import SUPPRESSING
from bench_worker.runtime.declaration import BUILDER_FLAG
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.opening import runner_class
from latency_bench.devices.precisions import find_precision
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.file_precision import UNKNOWN
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.pipeline_request import NEED_SUPPRESSION

if TYPE_CHECKING:
    from latency_bench.harness.case import Case


def check_case(case: Case) -> None:
    """Raises UsageError, or InventoryError for a runtime, option or precision that is not known."""
    _check_precision(case)
    _check_options(case)
    if case.streams is not None and case.streams > 1 and not case.declared.OVERLAPS_REQUESTS:
        raise UsageError(f"--streams {case.streams}: runtime {case.runtime} has one request in flight; leave it out")
    _check_pipeline(case)


def _check_precision(case: Case) -> None:
    if isinstance(case.spec, FileSpec):
        _check_file_precision(case, case.spec)
        return
    find_precision(case.precision)
    if case.precision in case.declared.PRECISIONS:
        return
    runner = runner_class(case.device.runner)
    others = [declared.name for declared in runner.known_runtimes() if case.precision in declared.PRECISIONS]
    raise UsageError(
        f"runtime {case.runtime} takes --precision {', '.join(case.declared.PRECISIONS)}; not {case.precision}"
        + (f", which {', '.join(others)} take{'s' if len(others) == 1 else ''}" if others else "")
    )


def _check_file_precision(case: Case, spec: FileSpec) -> None:
    """A file is computed in the types that it has, unless a builder makes others of them."""
    way = case.declared.PRECISIONS.get(case.precision)
    if spec.precision == UNKNOWN and (case.precision == UNKNOWN or way is not None):
        return
    if case.precision == spec.precision or (way == BUILDER_FLAG and spec.precision == "fp32"):
        return
    raise UsageError(
        f"{spec.title} is {spec.precision}, and {case.runtime} computes a file in the types that it has: leave out "
        f"--precision {case.precision}, or export the file in it"
    )


def _check_pipeline(case: Case) -> None:
    """What is around the network can be timed only where this project's worker makes the requests."""
    if case.pipeline is None:
        if case.photograph is not None:
            raise UsageError("--photograph is what --pipeline decodes in every request; name the library too")
        if case.preparation:
            option = next(iter(case.preparation)).replace("_", "-")
            raise UsageError(f"--{option} says what --pipeline does in every request; name the library too")
        return
    asked = f"--pipeline {case.pipeline}"
    if not case.declared.INPUTS_IN_PLACE:
        raise UsageError(
            f"{asked}: {case.runtime} on {case.device.name} ({case.device.runner}) times the network alone, and cannot "
            "decode a photograph in a request; leave it out"
        )
    assert case.around is not None
    if case.around.answer in NEED_SUPPRESSION and case.pipeline not in SUPPRESSING:
        raise UsageError(
            f"{asked}: {case.spec.id} is a detector, and {case.pipeline} has no non-maximum suppression; use "
            f"--pipeline {SUPPRESSING[0]}"
        )
    if case.streams is not None:
        raise UsageError(f"{asked}: a pipeline has one request in flight; leave --streams out")
    if case.as_in_paper:
        raise UsageError(f"{asked}: --setting paper measures the request of the paper, which has none; leave one out")


def _check_options(case: Case) -> None:
    given = {**case.device.runtime_options, **case.runtime_options}
    for name, value in case.fields_as_options().items():
        if name in given and given[name] != value:
            raise UsageError(
                f"the runtime option {name}={given[name]} contradicts --{name} {value}; "
                f"leave the option out, and say it with --{name}"
            )
    runner = runner_class(case.device.runner)
    runner.options(case.runtime, {**case.runtime_options, **case.fields_as_options()})
    try:
        runner.options(case.runtime, case.device.runtime_options)
    except InventoryError as error:
        where = f"{error.message} (runtime_options of device {case.device.name} in devices.yaml)"
        raise InventoryError(where, error.remedy) from None
