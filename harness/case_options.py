"""A case in the words of a user, as the command line or a campaign says it, and the Case that it means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from latency_bench.devices.device import Device
from latency_bench.harness.case import Case
from latency_bench.harness.case_checks import check_case
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.options import Output
from latency_bench.harness.store.fields import Labels

if TYPE_CHECKING:
    from latency_bench.harness.export import Artifact
    from latency_bench.model_specs.spec import ModelSpec

_RESOLUTION = re.compile(r"(\d{1,5})(?:x(\d{1,5}))?")
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"


def parse_resolution(value: Any) -> Any:
    """`512x1024` or `512` as (height, width); anything else is handed on as it is. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    found = _RESOLUTION.fullmatch(value)
    if not found or int(found[1]) < 1:
        raise ValueError(f"{value[:40]!r} is no resolution; write HEIGHTxWIDTH, for example 512x1024")
    return int(found[1]), int(found[2] or found[1])


Resolution = Annotated[tuple[int, int], BeforeValidator(parse_resolution), Field(strict=False)]


class CaseOptions(BaseModel):
    """What `bench run` takes as options and a campaign as fields. None: as device or protocol say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")
    """Id of a model; None where a file is brought."""
    file: tuple[Path, str] | None = None
    """A file that is brought, and its format."""
    device: str = Field(default="local", pattern=_NAME)
    runtime: str | None = Field(default=None, pattern=_NAME)
    protocol: str = Field(default="standard", min_length=1, max_length=1000)
    rounds: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)
    cpus: tuple[int, ...] | None = Field(default=None, strict=False)
    resolution: Resolution | None = None
    batch: int = Field(default=1, ge=1)
    weights: Path | None = Field(default=None, strict=False)
    seed: int = 0
    runtime_options: dict[str, Any] = Field(default_factory=dict)
    power_mode: str | None = None
    lock_clocks: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)
    """Further settings of the device's probes."""
    precision: str = Field(default="fp32", pattern=_NAME)
    output: Output = "logits"
    streams: int | None = Field(default=None, ge=1, le=64)
    labels: Labels = Field(default_factory=dict)
    """What the user calls the run; `commit` is the version of the code that is measured."""


def case_of(request: CaseOptions, single: bool, device: Device | None = None) -> Case:
    """The case that is meant. `single`: nothing is interleaved with it. `device`: where the inventory is not ours.

    Raises UsageError, InventoryError and SpecError for what does not exist or does not go together.
    """
    from latency_bench.devices.inventory import find_device
    from latency_bench.harness.frozen_files import freeze
    from latency_bench.harness.protocol import load_protocol

    device = _set_up(device or find_device(request.device), request)
    protocol = load_protocol(request.protocol)
    runtime = request.runtime or _usual_runtime(device, request.file)
    spec, artifact, batch = _what(request, device, runtime)
    if request.output != "logits" and spec.task != "segmentation":
        raise UsageError(f"--output {request.output}: {spec.id} is no dense prediction, it has only its own output")
    try:
        spec = spec.at(request.resolution) if request.resolution else spec
    except ValueError as error:
        raise UsageError(str(error)) from None
    case = Case(
        spec=spec,
        artifact=artifact,
        device=device,
        protocol=protocol,
        runtime=runtime,
        rounds=request.rounds or (protocol.rounds if single else protocol.campaign_rounds),
        most_rounds=protocol.most_rounds if request.rounds is None else None,
        threads=request.threads or (len(request.cpus) if request.cpus else device.threads),
        cpus=request.cpus or device.cpus,
        runtime_options=dict(request.runtime_options),
        batch=batch,
        weights=None if request.weights is None else freeze(request.weights),
        seed=request.seed,
        precision=request.precision,
        output=request.output,
        streams=request.streams,
        labels=dict(request.labels),
    )
    check_case(case)
    return case


def _set_up(device: Device, request: CaseOptions) -> Device:
    """The device with the settings that are asked for beside its own."""
    asked = {"power_mode": request.power_mode, "lock_clocks": request.lock_clocks or None, **request.settings}
    changes = {name: value for name, value in asked.items() if value is not None}
    return device.model_copy(update={"settings": {**device.settings, **changes}})


def _what(request: CaseOptions, device: Device, runtime: str) -> tuple[ModelSpec, Artifact | None, int]:
    """Spec, artifact where it is brought, and batch."""
    from latency_bench.harness.case_requirements import modules_for_running
    from latency_bench.harness.export.formats import find_format
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.model_file import open_model_file
    from latency_bench.model_specs import load_spec

    if request.file is None:
        if request.model is None:
            raise UsageError("a case needs a model; `bench models ls` lists them")
        return load_spec(request.model), None, request.batch
    require([*find_format(request.file[1]).reading_modules, *modules_for_running(device, runtime)])
    brought = open_model_file(*request.file)
    if request.resolution or request.weights:
        raise UsageError("a file is measured as it is: --resolution and --weights are for --model")
    if request.batch not in (1, brought.batch):
        raise UsageError(f"a file is measured as it is: its batch is {brought.batch}, not {request.batch}")
    return brought.spec, brought.artifact, brought.batch


def _usual_runtime(device: Device, brought: tuple[Path, str] | None) -> str:
    """The device's own; for a file that it does not load, what usually does."""
    from latency_bench.devices.opening import declared_runtime
    from latency_bench.harness.export.formats import find_format

    if brought is None or brought[1] == declared_runtime(device, device.runtime).FORMAT:
        return device.runtime
    return find_format(brought[1]).usual_runtime or device.runtime
