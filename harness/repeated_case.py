"""A stored run as a case that can be measured once more: the same model in the same setting, by the same protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench_worker.files import file_sha256
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import CaseOptions, case_of, options_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.pipeline_request import made_photograph
from latency_bench.harness.protocol import Protocol

if TYPE_CHECKING:
    from latency_bench.harness.store.record import RunRecord


def options_of_run(record: RunRecord, given: Mapping[str, Any]) -> CaseOptions:
    """What would measure a stored run again. `given`: fields of the request that the user decides, such as the device;
    its `file` and `weights` stand for those that the run had, which no store has. Raises UsageError where one of them
    is missing, or is none of the run's."""
    model, runtime = record.model, record.runtime
    if runtime is None:
        raise UsageError(f"{record.run_id} failed before its runtime was known; there is nothing to measure again")
    is_file = model.spec.get("builder") == "file"
    _check_brought(record, is_file, given)
    fields = {
        **given,
        "batch": None if is_file else model.batch,
        "precision": model.precision,
        "pipeline": model.pipeline,
        "preparation": model.preparation,
        "runtime": runtime.name,
        "runtime_options": {
            name: value for name, value in runtime.options.items() if name not in ("threads", "precision", "build")
        },
        **({} if is_file else _of_the_catalog(record)),
        "threads": runtime.options.get("threads") or given.get("threads"),
    }
    return options_of(fields)


def case_like(record: RunRecord, given: Mapping[str, Any]) -> Case:
    """The case of a stored run, as often and as long as it was measured then. Raises as `options_of_run` and
    `case_of`."""
    streams = (
        None
        if record.summary is None or record.summary.throughput_measured is None
        else (record.summary.throughput_measured.streams)
    )
    case = case_of(options_of_run(record, {**given, "streams": streams}), single=True)
    _check_photograph(record, case)
    rounds = given.get("rounds") or len(record.rounds) or case.rounds
    return replace(case, protocol=_protocol(record), rounds=rounds, most_rounds=None, cpus=_cores(record, case))


def _check_brought(record: RunRecord, is_file: bool, given: Mapping[str, Any]) -> None:
    """Whether a file or a checkpoint stands in for the run's own, and is it."""
    weights = record.model.weights.sha256
    if is_file != ("file" in given):
        what = (
            "measured a file, which is not in the store: name it"
            if is_file
            else "did not measure a file: leave yours out"
        )
        raise UsageError(f"{record.run_id} {what} (--onnx, --tflite, ...)")
    if not is_file and (weights is not None) != (given.get("weights") is not None):
        what = "used a checkpoint: name it with --weights" if weights else "used no checkpoint: leave --weights out"
        raise UsageError(f"{record.run_id} {what}")
    if not is_file and weights is not None and file_sha256(str(given["weights"])) != weights:
        raise UsageError(f"{given['weights']} is not the checkpoint of {record.run_id} (SHA-256 {weights[:12]}...)")


def _check_photograph(record: RunRecord, case: Case) -> None:
    """Whether a pipeline would decode what it decoded then."""
    around = record.runtime.facts.get("pipeline") if record.runtime is not None else None
    stated = around.get("photograph") if isinstance(around, dict) else None
    if not isinstance(stated, dict) or case.around is None:
        return
    photograph = made_photograph(*case.around.photograph_size) if case.photograph is None else case.photograph.path
    if file_sha256(str(photograph)) != stated.get("sha256"):
        what = "its own photograph" if case.photograph is None else "another photograph"
        raise UsageError(
            f"{record.run_id} decoded {what}, of {stated.get('size')} pixels, which is not in the store: name it with "
            "--photograph"
        )


def _of_the_catalog(record: RunRecord) -> dict[str, Any]:
    """Fields that only a model of the catalog has. Raises UsageError for one that the catalog does not know."""
    from latency_bench.model_specs import load_spec
    from latency_bench.model_specs.errors import SpecError

    model = record.model
    try:
        spec = load_spec(model.id)
    except SpecError as error:
        if model.spec.get("family") == "module":
            raise UsageError(_module_to_name_again(record)) from None
        raise UsageError(
            f"{record.run_id} measured a model that is not known here: {error} `bench results show {record.run_id} "
            "--command` prints how it was measured"
        ) from None
    return {
        "model": model.id,
        # Inputs that are no images have one size, which cannot be asked for.
        "resolution": None if model.resolution == spec.resolution else model.resolution,
        "output": model.output or "logits",
        "input_type": model.inputs,
        "seed": model.weights.seed or 0,
    }


def _module_to_name_again(record: RunRecord) -> str:
    builder = str(record.model.spec.get("builder"))
    if not builder.partition(":")[0].endswith(".py"):
        return (
            f"{record.run_id} measured a module of a Python program, which is not in the store: measure it again "
            "from there (bench.run)"
        )
    return (
        f"{record.run_id} measured a network in a Python file, which is not in the store: name it with --module "
        f"{builder}, and its --arguments, --input and --name as `bench results show {record.run_id} --command` "
        "prints them"
    )


def _protocol(record: RunRecord) -> Protocol:
    """Raises UsageError for one that this version of bench cannot follow."""
    known = Protocol.model_fields
    try:
        return Protocol.model_validate({name: record.protocol[name] for name in known if name in record.protocol})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise UsageError(f"{record.run_id} had a protocol that cannot be followed: {field}: {first['msg']}") from None


def _cores(record: RunRecord, case: Case) -> tuple[int, ...] | None:
    """Those that every round was pinned to, on the same device."""
    stated = [one.facts.get("cpus") if one.facts.get("pinned") else None for one in record.rounds]
    pinned = {tuple(cpu for cpu in cpus if isinstance(cpu, int)) for cpus in stated if isinstance(cpus, list)}
    if case.device.name != record.device.name or len(pinned) != 1:
        return case.cpus
    return next(iter(pinned)) or case.cpus
