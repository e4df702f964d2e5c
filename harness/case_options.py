"""A case in the words of a user, as the command line or a campaign says it, and the Case that it means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bench_worker.pipeline.library_packages import MODULES
from latency_bench.devices.device import Device
from latency_bench.harness.accuracy.stated import Statement
from latency_bench.harness.case import Case
from latency_bench.harness.case_checks import check_case
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.options import Output
from latency_bench.harness.model_file.file_request import FileRequest, parse_shape
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.model_file.original import original_named
from latency_bench.harness.paper_setting import as_in_the_paper
from latency_bench.harness.store.fields import Labels
from latency_bench.model_specs.carried_types import CarriedAs
from latency_bench.model_specs.located_yaml import wrong_value

if TYPE_CHECKING:
    from latency_bench.harness.frozen_files import FrozenFile
    from latency_bench.harness.model_file.open_file import ModelFile
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
        raise ValueError(f"{value[:40]!r} is not a resolution; write HEIGHTxWIDTH, for example 512x1024")
    return int(found[1]), int(found[2] or found[1])


Resolution = Annotated[tuple[int, int], BeforeValidator(parse_resolution), Field(strict=False)]


def _parse_shape(value: Any) -> Any:
    return parse_shape(value) if isinstance(value, str) else value


Shape = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_parse_shape), Field(strict=False)]


OF_FILES = {
    "shapes": "--shape",
    "dimensions": "--dim",
    "inputs": "--input",
    "name": "--name",
    "reference": "--reference",
    "original": "--original",
}
"""Options that only a file has, by field; also what the command line calls them."""
_OF_THE_CATALOG = {
    "resolution": "--resolution",
    "weights": "--weights",
    "check_image": "--check-image",
    "calibration": "--calibration",
    "seed": "--seed",
    "output": "--output",
    "input_type": "--input-type",
}
"""Options that only a model of the catalog has."""


class CaseOptions(BaseModel):
    """What `bench run` takes as options and a campaign as fields. None: as device or protocol say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    model: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")
    """Id of a model; None where a file is brought."""
    file: tuple[Path, str] | None = None
    """A file that is brought, and its format."""
    shapes: dict[str, Shape] = Field(default_factory=dict)
    """Of a file: sizes of inputs that it leaves open, by name."""
    dimensions: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Of a file: open sizes by the name that it has for them."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Of a file: what its inputs are fed, a number or the path of an .npy file."""
    name: str | None = Field(default=None, pattern=_NAME)
    """Of a file: what its model is called."""
    reference: Path | None = Field(default=None, strict=False)
    """Of a file: an .npz file with what its outputs have to be."""
    original: str | None = Field(default=None, min_length=1, max_length=1000)
    """Of a file: another file, or a model's id, whose outputs for the same values its own have to be."""
    device: str = Field(default="local", pattern=_NAME)
    runtime: str | None = Field(default=None, pattern=_NAME)
    protocol: str = Field(default="standard", min_length=1, max_length=1000)
    rounds: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)
    cpus: tuple[int, ...] | None = Field(default=None, strict=False)
    resolution: Resolution | None = None
    batch: int | None = Field(default=None, ge=1)
    """Images per request. None: 1, or what a file fixes."""
    weights: Path | None = Field(default=None, strict=False)
    check_image: Path | None = Field(default=None, strict=False)
    calibration: Path | None = Field(default=None, strict=False)
    """A folder of images, or an .npz file of inputs, for int8's ranges of activations."""
    seed: int | None = None
    """Of random weights; None: 0."""
    runtime_options: dict[str, Any] = Field(default_factory=dict)
    power_mode: str | None = None
    lock_clocks: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)
    """Further settings of the device's probes."""
    as_in_paper: bool = False
    """Runtime, precision, batch and threads as the paper had them on this kind of device."""
    precision: str | None = Field(default=None, pattern=_NAME)
    """None: fp32, or a file's own."""
    output: Output | None = None
    """Of a dense prediction. None: logits."""
    input_type: CarriedAs | None = None
    """What images are fed as. None: the float32 that the network computes with."""
    pipeline: Literal[tuple(MODULES)] | None = None  # type: ignore[valid-type]
    """The library that decodes and prepares a photograph in every request. None: the request is the network's alone."""
    photograph: Path | None = Field(default=None, strict=False)
    """A JPEG file, or another that the library decodes, for `pipeline`. None: a made one."""
    preparation: Statement | None = None
    """How `pipeline` prepares the photograph and what its outputs are, where no spec says it or it is changed."""
    streams: int | None = Field(default=None, ge=1, le=64)
    labels: Labels = Field(default_factory=dict)
    """What the user calls the run; `commit` is the version of the code that is measured."""


def options_of(fields: Mapping[str, Any]) -> CaseOptions:
    """The options with these fields. Raises UsageError, naming the first field that is wrong."""
    try:
        return CaseOptions(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            nearest = difflib.get_close_matches(name, CaseOptions.model_fields, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(CaseOptions.model_fields)}"
            raise UsageError(f"there is no option {name!r}; {hint}") from None
        raise UsageError(f"{name}: {wrong_value(first['type'], first['msg'])}") from None


def case_of(request: CaseOptions, single: bool, device: Device | None = None) -> Case:
    """The case that is meant. `single`: nothing is interleaved with it. `device`: where the inventory is not ours.

    Raises UsageError, InventoryError and SpecError for what does not exist or does not go together.
    """
    from latency_bench.devices.inventory import find_device
    from latency_bench.harness.frozen_files import freeze
    from latency_bench.harness.protocol import load_protocol
    from latency_bench.harness.stated_pipeline import surroundings

    device = _set_up(device or find_device(request.device), request)
    if request.as_in_paper:
        of_paper = as_in_the_paper(device, request.model_dump(exclude_unset=True))
        # A file is measured as it is, in its own precision and batch.
        theirs = ("precision", "batch") if request.file is not None else ()
        request = request.model_copy(update={name: of_paper[name] for name in of_paper if name not in theirs})
    protocol = load_protocol(request.protocol)
    runtime = request.runtime or usual_runtime(device, request.file)
    if request.file is None:
        spec: ModelSpec | FileSpec = spec_of(request)
        artifact, batch, precision = None, request.batch or 1, "fp32"
    else:
        brought = _brought(request, request.file, device, runtime)
        spec, artifact = brought.spec, brought.artifact
        batch, precision = brought.spec.batch, brought.spec.precision
    case = Case(
        spec=spec,
        artifact=artifact,
        original=None if request.original is None else original_named(request.original),
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
        check_image=None if request.check_image is None else _frozen_image(request.check_image, spec),
        calibration=None if request.calibration is None else frozen_calibration(request, spec),
        seed=request.seed or 0,
        precision=request.precision or precision,
        output=request.output or "logits",
        pipeline=request.pipeline,
        around=None if request.pipeline is None else surroundings(spec, request.preparation or Statement()),
        preparation={} if request.preparation is None else request.preparation.said(),
        photograph=None if request.photograph is None else _frozen_photograph(request.photograph),
        streams=request.streams,
        labels=dict(request.labels),
        as_in_paper=request.as_in_paper,
    )
    check_case(case)
    return case


def _set_up(device: Device, request: CaseOptions) -> Device:
    """The device with the settings that are asked for beside its own."""
    asked = {"power_mode": request.power_mode, "lock_clocks": request.lock_clocks or None, **request.settings}
    changes = {name: value for name, value in asked.items() if value is not None}
    return device.model_copy(update={"settings": {**device.settings, **changes}})


def spec_of(request: CaseOptions) -> ModelSpec:
    """Of a model of the catalog, at the size that is asked for. Raises UsageError, SpecError."""
    from latency_bench.model_specs import load_spec

    if request.model is None:
        raise UsageError("a case needs a model; `bench models ls` lists them")
    if given := _given(request, OF_FILES):
        raise UsageError(
            f"{given[0]} is for a file of your own (--onnx, ...), and {request.model} is a model of the catalog"
        )
    spec = load_spec(request.model)
    if request.output not in (None, "logits") and spec.task != "segmentation":
        raise UsageError(f"--output {request.output} is for segmentation networks, and {spec.id} is none; leave it out")
    try:
        spec = spec.carrying(request.input_type) if request.input_type else spec
        return spec.at(request.resolution) if request.resolution else spec
    except ValueError as error:
        raise UsageError(str(error)) from None


def _brought(request: CaseOptions, file: tuple[Path, str], device: Device, runtime: str) -> ModelFile:
    from latency_bench.harness.case_requirements import modules_for_running
    from latency_bench.harness.export.formats import find_format
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.model_file.open_file import open_model_file

    if given := _given(request, _OF_THE_CATALOG):
        raise UsageError(f"{file[0]}: a file is measured as it is; {given[0]} is for --model")
    if request.original is not None and request.reference is not None:
        raise UsageError("--reference and --original both say what the outputs have to be; give one of them")
    require([*find_format(file[1]).reading_modules, *modules_for_running(device, runtime)])
    asked = FileRequest(
        request.shapes, request.dimensions, request.batch, request.inputs, request.name, request.reference
    )
    return open_model_file(*file, asked)


def _given(request: CaseOptions, options: dict[str, str]) -> list[str]:
    """The options of these that say something, as the command line has them."""
    return [option for name, option in options.items() if getattr(request, name) not in (None, {})]


def _frozen_image(path: Path, spec: ModelSpec | FileSpec) -> FrozenFile:
    """Raises UsageError for a file that is no image, and for a model that takes none."""
    from latency_bench.harness.export.check_image import require_image
    from latency_bench.harness.export.errors import ExportError
    from latency_bench.harness.frozen_files import freeze
    from latency_bench.harness.installation.requirements import require
    from latency_bench.model_specs.spec import ModelSpec

    if not isinstance(spec, ModelSpec) or not any(tensor.is_photograph for tensor in spec.inputs):
        raise UsageError(f"--check-image is for models that take an image of three channels, and {spec.id} does not")
    require(["PIL"])
    image = freeze(path)
    try:
        require_image(image.path)
    except ExportError as error:
        raise UsageError(str(error)) from error
    return image


def _frozen_photograph(path: Path) -> FrozenFile:
    """Raises UsageError for a file that is no image."""
    from latency_bench.harness.export.image_file import UnusableImageError, opened_image
    from latency_bench.harness.frozen_files import freeze
    from latency_bench.harness.installation.requirements import require

    require(["PIL"])
    photograph = freeze(path)
    try:
        with opened_image(photograph.path) as image:
            image.load()
    except UnusableImageError as error:
        raise UsageError(f"--photograph {path} cannot be read as an image: {error}") from None
    return photograph


def frozen_calibration(request: CaseOptions, spec: ModelSpec | FileSpec) -> FrozenFile:
    """What a user brings for the ranges of activations, as one file. Raises UsageError where it does not fit."""
    from latency_bench.devices.temporary_folder import TemporaryFolder
    from latency_bench.harness.export.calibration import read_calibration, write_image_calibration
    from latency_bench.harness.export.errors import ExportError
    from latency_bench.harness.frozen_files import freeze
    from latency_bench.harness.installation.requirements import require

    assert request.calibration is not None
    assert not isinstance(spec, FileSpec)
    if request.precision != "int8":
        raise UsageError("--calibration: only --precision int8 takes ranges of activations from inputs")
    try:
        if not request.calibration.is_dir():
            brought = freeze(request.calibration)
            read_calibration(brought.path, spec)
            return brought
        require(["PIL"])
        with TemporaryFolder("calibration") as folder:
            file = folder / "calibration.npz"
            write_image_calibration(request.calibration, spec, file)
            return freeze(file)
    except ExportError as error:
        raise UsageError(f"--calibration: {error}") from error


def usual_runtime(device: Device, brought: tuple[Path, str] | None) -> str:
    """The device's own; for a file that it does not load, what usually does."""
    from latency_bench.devices.opening import declared_runtime
    from latency_bench.harness.export.formats import find_format

    if brought is None or declared_runtime(device, device.runtime).loads(brought[1]):
        return device.runtime
    return find_format(brought[1]).usual_runtime or device.runtime
