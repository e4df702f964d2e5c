"""One side of a pair in the words of a user: `MODEL@RUNTIME,NAME=VALUE,...`, of which the model alone has to be there.

b1-seg@onnxruntime,threads=2,precision=fp16; timm:resnet18; ./mine.onnx@onnxruntime,spin=false
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latency_bench.harness.case_options import CaseOptions, options_of
from latency_bench.harness.errors import UsageError

_OF_A_SIDE = (
    *("threads", "precision", "resolution", "batch", "weights", "check_image", "calibration", "seed", "output"),
    *("input_type", "pipeline", "photograph"),
)
"""Fields of CaseOptions that a side may name; any other name is an option of its runtime."""


def side_of(text: str, common: Mapping[str, Any], of_files: Mapping[str, Any] | None = None) -> CaseOptions:
    """The side, with what it leaves out as in `common` (fields of CaseOptions), and where it is a file in `of_files`.

    Raises UsageError.
    """
    what, at, rest = text.partition("@")
    runtime, *assignments = rest.split(",") if at else [""]
    if not at and "," in what:
        raise UsageError(f"{text!r}: name the runtime before its options, for example {what.split(',')[0]}@litert,...")
    if "=" in runtime:
        raise UsageError(f"{text!r}: name the runtime before its options, for example {what}@onnxruntime,{runtime}")
    if not what or (at and not runtime):
        raise UsageError(f"{text!r} is not a side of a pair; write MODEL@RUNTIME, for example b1-seg@litert,threads=2")
    if "=" in runtime:
        raise UsageError(f"{text!r}: name the runtime before its options, for example {what}@litert,{runtime}")
    named = _named(what)
    given = (of_files or {}) if "file" in named else {}
    fields: dict[str, Any] = {**common, **given, "model": None, "file": None, **named}
    if runtime:
        fields["runtime"] = runtime
    # Options of one runtime say nothing to another.
    shared = not runtime or runtime == common.get("runtime")
    options = dict(fields.get("runtime_options") or {}) if shared else {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise UsageError(f"{text!r}: {assignment!r} is not an option; write NAME=VALUE, for example threads=2")
        (fields if name in _OF_A_SIDE else options)[name] = _value(name, value)
    return _checked(text, {**_without_idle_preparation(fields), "runtime_options": options})


def file_side(path: Path, format_: str, common: Mapping[str, Any]) -> CaseOptions:
    """A file as a side, whatever its name ends in. Raises UsageError."""
    return _checked(str(path), {**_without_idle_preparation(common), "model": None, "file": (path, format_)})


def refuse_unused_preparation(sides: Sequence[CaseOptions], common: Mapping[str, Any]) -> None:
    """Raises UsageError where it is said how photographs are prepared, and no side has a pipeline."""
    if common.get("preparation") is not None and all(side.pipeline is None for side in sides):
        raise UsageError("no side has a --pipeline: name its library, or leave out how images are prepared")


def _without_idle_preparation(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of a side without a pipeline, which may stand beside one that has it."""
    return {**fields} if fields.get("pipeline") is not None else {**fields, "preparation": None}


def _checked(text: str, fields: dict[str, Any]) -> CaseOptions:
    try:
        return options_of(fields)
    except UsageError as error:
        raise UsageError(f"{text!r}: {error}") from None


def _named(what: str) -> dict[str, Any]:
    """A model by its id, or a file by its ending."""
    from latency_bench.harness.export.formats import format_of_file

    format_ = format_of_file(Path(what))
    return {"model": what} if format_ is None else {"file": (Path(what), format_)}


def _value(name: str, text: str) -> Any:
    if name in ("weights", "check_image", "precision", "output", "input_type", "pipeline", "photograph", "resolution"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
