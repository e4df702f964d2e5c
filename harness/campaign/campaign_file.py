"""campaign.yaml: products of models, devices and everything else, what to leave out, and what to change for some.

name: cpu-segmentation
protocol: standard
cases:
  - models: ["b?-seg", segformer-b1]
    baseline: segformer-b1
    devices: [local]
    runtimes: [litert, onnxruntime]
    threads: [1, 2]
  - tables: [2]
    devices: [orin]
    precisions: [fp16]
    set: {lock_clocks: true}
exclude:
  - {model: "b3-*", threads: 1}
override:
  - match: {model: "*-sam-*"}
    set: {rounds: 3}
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from latency_bench.harness.case_options import CaseOptions, Resolution
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.options import Output
from latency_bench.harness.store.fields import Labels
from latency_bench.model_specs.carried_types import OWN_TYPE, InputType
from latency_bench.model_specs.located_yaml import LocatedYamlError, describe, read_yaml

_ROOT = "a campaign is one mapping with the field `cases`"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
_PRODUCT_FIELDS = ("model", "file", "device")
"""Fields of a case that `set` cannot give: they say which case it is."""


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _as_texts(value: Any) -> Any:
    return tuple(str(one) if type(one) is int else one for one in _one_or_more(value))


_Several = BeforeValidator(_one_or_more)
_Texts = Annotated[tuple[str, ...], _Several, Field(strict=False)]
_Numbers = Annotated[tuple[int, ...], _Several, Field(strict=False)]


class Match(_Strict):
    """Cases that agree with every field that is given; each has one value or several. Texts may be patterns."""

    model: _Texts | None = None
    device: _Texts | None = None
    runtime: _Texts | None = None
    precision: _Texts | None = None
    output: _Texts | None = None
    input_type: _Texts | None = None
    batch: _Numbers | None = None
    threads: _Numbers | None = None
    streams: _Numbers | None = None
    resolution: Annotated[tuple[Resolution, ...], _Several, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Match:
        if not self.model_fields_set:
            raise ValueError("it matches every case; give at least one field, for example `model`")
        return self


def _with_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class OwnFile(_Strict):
    """A model file of the user's; a text alone is its path."""

    path: str = Field(min_length=1)
    format: str | None = Field(default=None, pattern=_NAME)
    """None: told by its ending."""


class OwnModule(_Strict):
    """A network in a Python file of the user's, as `bench run --module` takes it."""

    module: str = Field(min_length=1, max_length=1000)
    """`mynet.py:Net`."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    inputs: _Texts = Field(min_length=1)
    """Sizes without the batch: `3x512x512`, `ids=128:int64`."""
    name: str | None = Field(default=None, min_length=1, max_length=200)


class Product(_Strict):
    """Every combination of these. What is left out is as `bench run` has it."""

    models: _Texts = ()
    """Ids, or patterns of ids such as `b?-seg`."""
    tables: Annotated[tuple[str, ...], BeforeValidator(_as_texts), Field(strict=False)] = ()
    """Every model that these tables of the paper have a row of; `all` means every table."""
    paper: str | None = Field(default=None, min_length=1, max_length=1000)
    """Whose tables: a paper that ships here or its folder. None: the default one."""
    files: Annotated[tuple[Annotated[OwnFile, BeforeValidator(_with_path)], ...], _Several, Field(strict=False)] = ()
    """Files of your own (.onnx, .tflite, .pt2, .pte), on the runtimes of these that load them."""
    modules: Annotated[tuple[OwnModule, ...], _Several, Field(strict=False)] = ()
    """Networks in Python files of your own."""
    baseline: str | None = Field(default=None, min_length=1, max_length=200)
    """Id of the model that the others of this entry are held against, as pairs. A table has its own baselines."""
    devices: _Texts = Field(default=("local",), min_length=1)
    runtimes: Annotated[tuple[str | None, ...], _Several, Field(strict=False, min_length=1)] = (None,)
    precisions: _Texts = Field(default=("fp32",), min_length=1)
    batches: _Numbers = Field(default=(1,), min_length=1)
    resolutions: Annotated[tuple[Resolution | None, ...], _Several, Field(strict=False, min_length=1)] = (None,)
    threads: Annotated[tuple[int | None, ...], _Several, Field(strict=False, min_length=1)] = (None,)
    outputs: Annotated[tuple[Output, ...], _Several, Field(strict=False, min_length=1)] = ("logits",)
    input_types: Annotated[tuple[InputType, ...], _Several, Field(strict=False, min_length=1)] = (OWN_TYPE,)
    """What images are fed as."""
    streams: Annotated[tuple[int | None, ...], _Several, Field(strict=False, min_length=1)] = (None,)
    set: dict[str, Any] = Field(default_factory=dict)
    """Other options of `bench run`, the same for all of these."""

    @field_validator("set")
    @classmethod
    def _options(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked_options(value)

    @model_validator(mode="after")
    def _of_something(self) -> Product:
        if not self.models and not self.tables and not self.files and not self.modules:
            raise ValueError("give `models`, `tables` of the paper, `files`, or `modules`")
        return self


class Override(_Strict):
    """Options of `bench run` for the cases that match; a later one wins."""

    match: Match
    set: dict[str, Any]

    @field_validator("set")
    @classmethod
    def _options(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked_options(value)


class Retry(_Strict):
    """What happens to a case that fails, and to a device that does not answer."""

    attempts: int = Field(default=2, ge=1, le=100)
    """Of a case, in all. One that the request itself is wrong with is tried once."""
    wait_s: float = Field(default=10.0, ge=0, le=86400, strict=False)
    """Before a device that did not answer is tried again; twice as long each time."""
    unreachable: int = Field(default=5, ge=1, le=1000)
    """Times that a device may not answer, one after the other, before its other cases are left for later."""


WITHIN = 0.05
MAX_MINUTES = 10.0


class PairFields(_Strict):
    """How ratios to the baselines are measured as pairs (`bench pair`)."""

    within: float = Field(default=WITHIN, gt=0, le=1, strict=False)
    """Full width of a ratio's interval at which a pair ends: 0.05 is 5 %."""
    max_minutes: float = Field(default=MAX_MINUTES, gt=0, strict=False)
    """After which it ends anyway."""


def _pair_fields(value: Any) -> Any:
    return {} if value == "baseline" else value


class CampaignFile(_Strict):
    """Everything that a campaign is made of."""

    name: str | None = Field(default=None, pattern=_NAME, max_length=80)
    """Under which it goes on where it stopped; by default the name of its file."""
    protocol: str = Field(default="standard", min_length=1, max_length=1000)
    rounds: int | None = Field(default=None, ge=1, le=10000)
    labels: Labels = Field(default_factory=dict)
    """Of every run; the labels of a case's own `set` count before them."""
    order_seed: int = 0
    case_batch: int | None = Field(default=None, ge=1, le=1000)
    """Cases whose rounds are interleaved; their sessions are open all the time. None: as many as is usual."""
    retry: Retry = Field(default_factory=Retry)
    pairs: Annotated[PairFields | Literal["none"], BeforeValidator(_pair_fields)] = Field(default_factory=PairFields)
    """`baseline`, or the fields of it: every case is measured against its baseline's as a pair too. `none`: speed-ups
    are quotients of two runs."""
    cases: tuple[Product, ...] = Field(min_length=1, strict=False)
    exclude: tuple[Match, ...] = Field(default=(), strict=False)
    override: tuple[Override, ...] = Field(default=(), strict=False)


def checked_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as `bench run` has them, by name. Raises ValueError."""
    for name in _PRODUCT_FIELDS:
        if name in options:
            raise ValueError(f"{name!r} cannot be set: write another entry of `cases`")
    try:
        CaseOptions.model_validate({"model": "any", **options})
    except ValidationError as error:
        raise ValueError("; ".join(words for _, words in describe(error))) from None
    return options


def read_campaign(path: Path) -> CampaignFile:
    """A campaign from its file. Raises UsageError naming file, line and field of everything that is wrong."""
    try:
        return read_yaml(path, _ROOT).validate(CampaignFile)
    except LocatedYamlError as error:
        raise UsageError(str(error)) from None
