"""The conversion itself, in a process of its own: `python -m latency_bench.harness.export.convert REQUEST.json`.

A process of its own because converters print, keep global state, and need gigabytes that must not stay with the
harness; and because one that runs out of memory is killed, and should die alone. The model file and the reference are
written to the current directory. Events go to stdout as JSON lines: `stage` (name), then `done` (artifact) or `error`
(kind: memory, space, package or export; message). Everything that libraries print goes to stderr.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from latency_bench.harness.export.artifact import tensor_to_json
from latency_bench.harness.export.carried_inputs import channels_last_pixels, pixel_places, with_carried_inputs
from latency_bench.harness.export.errors import NO_SPACE_ERRNOS, ExportError
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.export.job import Conversion, ExportJob
from latency_bench.harness.export.key import cache_key, key_document, reference_document
from latency_bench.harness.export.options import ExportOptions
from latency_bench.harness.export.peak_memory import peak_memory_bytes
from latency_bench.model_specs.building import build_module

if TYPE_CHECKING:
    import torch

    from latency_bench.harness.export.kept_references import KeptReferences
    from latency_bench.model_specs.spec import ModelSpec

NO_SPACE_TEXTS = tuple(os.strerror(number) for number in NO_SPACE_ERRNOS)
NO_MEMORY_TEXTS = ("can't allocate memory", "not enough memory", "bad_alloc", "Cannot allocate memory")


def main(argv: list[str]) -> int:
    """Read the request, convert, report. The exit code says whether it worked."""
    return answer(argv[1], convert_request)


def answer(request_path: str, work: Callable[[dict[str, Any], Callable[[str], None]], dict[str, Any]]) -> int:
    """Do the work that a request asks for, and report on stdout. `work` is given the request and what to call with
    the name of each stage; it returns the content of `done`. The exit code says whether it worked."""
    events = claim_stdout()
    exit_with_parent()

    def stage(name: str) -> None:
        emit(events, "stage", name=name)

    try:
        request = json.loads(Path(request_path).read_text(encoding="utf-8"))
        if (builder := request.get("user_builder")) is not None:
            register_user_builder(**builder)
        content = work(request, stage)
    except BaseException as error:
        traceback.print_exc()
        kind, message = explain(error)
        emit(events, "error", kind=kind, message=message)
        return 1
    emit(events, "done", **content)
    return 0


def register_user_builder(label: str, file: str, data_files: Sequence[str] = ()) -> None:
    """So that this process may run a file of the user's."""
    from latency_bench.model_specs.user_builders import UserBuilder, add, note_data_files

    add(UserBuilder(label, Path(file), label.rpartition(":")[2]))
    note_data_files(label, map(Path, data_files))


def convert_request(request: dict[str, Any], stage: Callable[[str], None]) -> dict[str, Any]:
    """The artifact that a request asks for."""
    from latency_bench.harness.export.kept_references import KeptReferences
    from latency_bench.model_specs.spec import ModelSpec

    spec = ModelSpec.model_validate_json(json.dumps(request["spec"]))
    asked: dict[str, Any] = request["options"]
    for name in ("weights", "check_image", "calibration"):
        asked[name] = None if asked[name] is None else Path(asked[name])
    options = ExportOptions(**asked)
    loaded = load(spec, request["format"], options, request["key"], stage)
    kept = KeptReferences(Path(request["cache"]), reference_document(spec, options, loaded.overrides))
    return {"artifact": convert(loaded, spec, request["format"], options, Path.cwd(), kept, stage)}


@dataclass(frozen=True)
class Loaded:
    """The module and the exporter, from the source files that the key stands for."""

    module: torch.nn.Module
    export: Callable[[ExportJob], Conversion]
    choices: dict[str, str]
    overrides: dict[str, str]
    """Arguments of the builder that the format changes."""


def load(
    spec: ModelSpec, format: str, options: ExportOptions, expected_key: str, stage: Callable[[str], None]
) -> Loaded:
    """Build the module, import the exporter. Raises ExportError where files were edited since the key was computed."""
    stage("building the module")
    overrides, choices = arguments_for(spec, format)
    module = build_module(spec, weights=options.weights, seed=options.seed, overrides=overrides)
    if options.output != "logits":
        from latency_bench.harness.export.dense_output import with_output

        module = with_output(module, options.output)
        choices["output"] = options.output
    module = with_carried_inputs(module, spec)
    export = find_format(format).export
    if cache_key(key_document(spec, format, options)) != expected_key:
        raise ExportError("source files or weights changed while they were loaded; run it again")
    return Loaded(module, export, choices, overrides)


def convert(
    loaded: Loaded,
    spec: ModelSpec,
    format: str,
    options: ExportOptions,
    directory: Path,
    kept: KeptReferences,
    stage: Callable[[str], None],
) -> dict[str, Any]:
    """Write model and reference into `directory`; returns Artifact.to_json() with names for paths, without hashes."""
    start_s = time.perf_counter()
    from latency_bench.harness.export.calibration import calibration_facts, calibration_samples
    from latency_bench.harness.export.kept_references import references_of
    from latency_bench.harness.export.references import REFERENCE

    counts = count_facts(spec, format, options)
    # Of a network that could not be counted nothing is known, and everything is tried.
    single_bytes = counts.get("weights_bytes", 0) + counts.get("activations_bytes", 0)
    references = references_of(loaded.module, spec, options, directory, single_bytes, kept, stage)
    reference_s = time.perf_counter() - start_s

    stage(f"converting to {format}")
    path = directory / find_format(format).file_name()
    calibration = calibration_samples(spec, options) if options.precision == "int8" else ()
    module, inputs = loaded.module, references.inputs
    pixels = frozenset() if find_format(format).channels_last else pixel_places(spec)
    if pixels:
        module = channels_last_pixels(module, spec)
        inputs = {
            name: tensor.permute(0, 2, 3, 1).contiguous() if place in pixels else tensor
            for place, (name, tensor) in enumerate(inputs.items())
        }
    job = ExportJob(
        module,
        inputs,
        references.outputs,
        path,
        options.precision,
        options.opset or spec.onnx_opset,
        calibration,
        options.quantiser,
    )
    conversion = loaded.export(job)
    external_data = list(conversion.external_data)
    return {
        "path": path.name,
        "format": format,
        "size_bytes": sum((directory / name).stat().st_size for name in (path.name, *external_data)),
        "inputs": [
            tensor_to_json(replace(tensor, layout="NHWC") if place in pixels else tensor)
            for place, tensor in enumerate(conversion.inputs)
        ],
        "outputs": [tensor_to_json(tensor) for tensor in conversion.outputs],
        "reference": REFERENCE,
        "check_references": references.checks,
        "check_image": references.check_image,
        "external_data": external_data,
        "facts": {
            **conversion.facts,
            **loaded.choices,
            **counts,
            "precision": options.precision,
            **({"calibration": calibration_facts(options, len(calibration))} if calibration else {}),
            **references.facts,
            "reference_s": round(reference_s, 3),
            "conversion_s": round(time.perf_counter() - start_s - reference_s, 3),
            "peak_memory_bytes": peak_memory_bytes(),
        },
    }


def count_facts(spec: ModelSpec, format: str, options: ExportOptions) -> dict[str, Any]:
    """Parameters and MACs of one image, and the memory that the model needs at least, as it is deployed."""
    from latency_bench.model_specs.user_builders import is_user_builder

    try:
        return _counted(spec, format, options)
    except Exception as error:
        if not is_user_builder(spec.builder):
            raise
        # A network whose forward looks at values cannot be followed without any; it can be measured all the same.
        return {"not_counted": f"{type(error).__name__}: {error}"[:300]}


def _counted(spec: ModelSpec, format: str, options: ExportOptions) -> dict[str, int]:
    import torch

    from latency_bench.harness.export.memory_estimate import estimate_memory
    from latency_bench.model_specs.counting import count_module
    from latency_bench.model_specs.spec import Counting

    with torch.device("meta"):
        module = build_module(spec).to("meta")  # where a builder chooses the device itself
    counts = count_module(spec.model_copy(update={"counting": Counting()}), module)
    # A torch program keeps the fused operator; the other formats have attention written out.
    memory = estimate_memory(spec, options.batch, module, fused_attention=find_format(format).keeps_fused_attention)
    return {
        "params": counts.params,
        "macs": counts.macs,
        "weights_bytes": memory.weights_bytes,
        "activations_bytes": memory.activations_bytes,
    }


def arguments_for(spec: ModelSpec, format: str) -> tuple[dict[str, str], dict[str, str]]:
    """Builder arguments to override for this format, and facts about them for the record.

    The reference is computed with the same module: fidelity compares like with like.
    """
    from latency_bench.model_specs.architectures import find_builder

    parameters = inspect.signature(find_builder(spec.builder)).parameters
    own = {name: str(spec.arguments.get(name, parameters[name].default)) for name in _FACT_OF if name in parameters}
    overrides = find_format(format).builder_overrides(own)
    facts = {_FACT_OF[name]: overrides.get(name, value) for name, value in own.items()}
    if overrides.get("upsample", own.get("upsample")) != own.get("upsample"):
        facts["upsampling_replaced"] = own["upsample"]
    return overrides, facts


_FACT_OF = {"upsample": "upsampling", "tokens": "attention_tokens"}
"""Arguments of builders that a format may override, and the facts that they are in the record."""


def explain(error: BaseException) -> tuple[str, str]:
    """(kind, message) for the harness."""
    from latency_bench.model_specs.errors import CheckpointError, SpecError

    text = str(error).strip()
    if isinstance(error, MemoryError) or any(sign in text for sign in NO_MEMORY_TEXTS):
        return "memory", text
    if (isinstance(error, OSError) and error.errno in NO_SPACE_ERRNOS) or any(sign in text for sign in NO_SPACE_TEXTS):
        return "space", text
    if isinstance(error, ModuleNotFoundError):
        return "package", str(error.name)
    if isinstance(error, ExportError | SpecError | CheckpointError):
        return "export", text
    return "export", f"{type(error).__name__}: {text.splitlines()[0] if text else 'no message'}"


def emit(events: TextIO, event: str, **content: Any) -> None:
    events.write(json.dumps({"event": event, **content}) + "\n")
    events.flush()


def claim_stdout() -> TextIO:
    """The real stdout for our events alone; whatever else prints, in Python or C++, ends up on stderr."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def exit_with_parent() -> None:
    """Die when the harness does, however it died: it holds the other end of our stdin and never writes."""

    def wait() -> None:
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
