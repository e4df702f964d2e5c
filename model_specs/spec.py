"""ModelSpec: one model at one input size, as a family file describes it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from latency_bench.model_specs.carried_types import CarriedAs
from latency_bench.model_specs.preparation import Preparation

Task = Literal[
    "classification", "segmentation", "detection", "super-resolution", "segment-anything", "attention", "generic"
]
ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,79}$"


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class InputSpec(_Strict):
    """One input tensor, without its batch dimension."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    shape: tuple[int, ...] = Field(min_length=1, strict=False)
    """Channel-first, e.g. [3, 1024, 2048]."""
    dtype: Literal["float32", "int32", "int64"] = "float32"
    distribution: Literal["normal", "uniform"] = "normal"
    """Values the harness feeds: standard normal (a normalised image) or uniform in [low, high)."""
    low: float = Field(default=0.0, strict=False)
    high: float = Field(default=1.0, strict=False)
    mean: tuple[float, float, float] | None = Field(default=None, strict=False)
    std: tuple[float, float, float] | None = Field(default=None, strict=False)
    """How the model wants red, green and blue light in [0, 1] normalised: (light - mean) / std. By default ImageNet's
    for a normal input, and the range [low, high) for a uniform one."""
    carried_as: CarriedAs | None = None
    """What of a photograph is fed to the artifact, which makes the module's float32 of it: pixels from 0 to 255, or
    normalised values of half the size. None: what the module takes."""

    @field_validator("shape")
    @classmethod
    def _positive(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if any(size < 1 for size in shape):
            raise ValueError("every dimension must be at least 1")
        return shape

    @model_validator(mode="after")
    def _mean_with_std(self) -> InputSpec:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std go together")
        if self.std is not None and not all(value > 0 for value in self.std):
            raise ValueError("every std must be more than 0")
        if self.mean is not None and not self.is_photograph:
            raise ValueError("mean and std are for an image of three float32 channels")
        if self.carried_as is not None and not self.is_photograph:
            raise ValueError("carried_as is for an image of three float32 channels")
        return self

    @property
    def is_photograph(self) -> bool:
        """Whether users feed it photographs: an image of three channels."""
        return len(self.shape) == 3 and self.shape[0] == 3 and self.dtype == "float32"

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, std) by channel, for light in [0, 1]."""
        if self.mean is not None and self.std is not None:
            return self.mean, self.std
        if self.distribution == "normal":
            return IMAGENET_MEAN, IMAGENET_STD
        scale = 1.0 / (self.high - self.low)
        return (-self.low * scale,) * 3, (scale,) * 3


class OutputSpec(_Strict):
    """One output tensor. `stride` is the input's size over the output's (0.5 for a x2 upscaler)."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    channels: int | None = None
    stride: float | None = Field(default=None, strict=False)


class PublishedCounts(_Strict):
    """Counts that the authors publish for a model which has no row of its own in the tables of a paper."""

    params_m: float | None = Field(default=None, gt=0, strict=False)
    """Millions."""
    macs_g: float | None = Field(default=None, gt=0, strict=False)
    """10^9 multiply-accumulates."""
    source: str


class Counting(_Strict):
    """How the published parameters and MACs were counted, where it is not simply the whole deployed module."""

    arguments: dict[str, Any] = Field(default_factory=dict)
    """Builder arguments that replace the deployed ones for counting (SegFormer was counted with 150 classes)."""
    macs_of: str | None = None
    """Dotted name of the submodule whose MACs are published (SAM rows: `image_encoder`); None for the whole."""


class Deviation(_Strict):
    """Why a count is more than 3 % off the published one."""

    params: str | None = None
    macs: str | None = None


class Tolerance(_Strict):
    """How far two correct implementations of this model lie apart, where that is further than in other models."""

    max_relative_error: float = Field(gt=0, lt=0.1, strict=False)
    """Largest |difference| of an output over its largest value; where a precision allows more, that holds."""
    reason: str


class Provenance(_Strict):
    """Where the code and the configuration come from."""

    paper: str
    code: str
    """`own` (written for this project after the paper) or the library that provides the module."""
    license: str
    design: Literal["published", "ours"] = "published"
    """`ours`: the authors published no such network; ours follows the paper's words and is no reproduction."""
    note: str | None = None


class ModelSpec(_Strict):
    """One model at one input size. Everything an exporter, a worker or a report needs to know of it."""

    id: str = Field(pattern=ID_PATTERN)
    family: str = Field(pattern=ID_PATTERN)
    title: str
    task: Task
    dataset: str | None = None
    builder: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    requires: tuple[str, ...] = Field(default=(), strict=False)
    """Modules that the builder imports beside torch (timm, transformers)."""
    resolution_argument: str | None = None
    """Builder argument that takes (height, width), for modules whose parameters depend on the input size."""
    inputs: tuple[InputSpec, ...] = Field(min_length=1, strict=False)
    outputs: tuple[OutputSpec, ...] = Field(min_length=1, strict=False)
    accuracy: dict[str, FiniteFloat] = Field(default_factory=dict)
    """What its author says that it reaches, by metric with its unit: {"top-1, %": 78.2}. Nothing here measures it."""
    onnx_opset: int = Field(default=13, ge=11)
    """Lowest opset that can express the model; 13 is what TensorRT 8.2 reads."""
    tflite: bool = True
    """False where the model cannot become a TFLite file without Flex or custom operators; `note` says why."""
    published_counts: PublishedCounts | None = None
    """Only for models that no table of a paper has."""
    counting: Counting = Field(default_factory=Counting)
    deviation: Deviation = Field(default_factory=Deviation)
    tolerance: Tolerance | None = None
    preparation: Preparation | None = None
    """How a photograph becomes its first input. None: usual_preparation.py says what is taken for it."""
    provenance: Provenance
    note: str | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> ModelSpec:
        for kind, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [tensor.name for tensor in tensors]
            if len(set(names)) != len(names):
                raise ValueError(f"two {kind} share a name: {names}")
        return self

    def to_json(self) -> dict[str, Any]:
        """As a record has it."""
        return self.model_dump(mode="json")

    @property
    def resolution(self) -> tuple[int, int]:
        """(height, width) of the first input; (1, n) for a flat one."""
        shape = self.inputs[0].shape
        return (shape[-2], shape[-1]) if len(shape) >= 2 else (1, shape[-1])

    def at(self, resolution: tuple[int, int]) -> ModelSpec:
        """The same model with its first input at another (height, width)."""
        first = self.inputs[0]
        if len(first.shape) != 3:
            raise ValueError(
                f"{self.id}: its input {first.name!r} is not an image, so its resolution cannot be changed"
            )
        resized = first.model_copy(update={"shape": (first.shape[0], *resolution)})
        return self.model_copy(update={"inputs": (resized, *self.inputs[1:])})

    def carrying(self, type_: CarriedAs) -> ModelSpec:
        """The same model whose photographs are fed as values of another type. Raises ValueError where it takes none."""
        if not any(tensor.is_photograph for tensor in self.inputs):
            raise ValueError(f"{self.id} does not take an image of three channels, so its input cannot be {type_}")
        inputs = (one.model_copy(update={"carried_as": type_}) if one.is_photograph else one for one in self.inputs)
        return self.model_copy(update={"inputs": tuple(inputs)})

    @property
    def carried_as(self) -> CarriedAs | None:
        """The type that its photographs are fed as; None: the module's own."""
        return next((tensor.carried_as for tensor in self.inputs if tensor.carried_as is not None), None)

    def build_arguments(self, **overrides: Any) -> dict[str, Any]:
        """Keyword arguments for the builder."""
        arguments = {**self.arguments, **overrides}
        if self.resolution_argument:
            arguments[self.resolution_argument] = self.resolution
        return arguments
