"""What was measured, where and under which conditions: the first half of a record.

null everywhere means: not known, or does not apply.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from bench_worker.precisions import FORMER_NAMES
from latency_bench.harness.store.fields import Count, JsonDict, Part, Positive, Sha256, Whole


class Weights(Part):
    """Where the parameters came from: drawn from `seed`, or read from a file with hash `sha256`."""

    seed: Whole | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Weights:
        if (self.seed is None) == (self.sha256 is None):
            raise ValueError("weights have either a seed or a file's sha256")
        return self


def _present_name(precision: Any) -> Any:
    return FORMER_NAMES.get(precision, precision) if isinstance(precision, str) else precision


class ModelRecord(Part):
    """The model as it was measured."""

    id: str = Field(min_length=1)
    title: str
    spec: JsonDict
    """The whole ModelSpec, so that the run can be repeated without the family file of that day. Of a file that was
    brought: its interface, with `builder` `file`."""
    resolution: tuple[Count, Count] = Field(strict=False)
    """(height, width) of the first input, in pixels."""
    batch: Positive
    """Images per request."""
    inputs: str | None = None
    """Of a file that was brought: the sizes and values that were given to its inputs; null where none were."""
    pipeline: str | None = None
    """The library with which every request decoded and prepared a photograph; null: the request was the network's
    alone."""
    preparation: JsonDict | None = None
    """What the user stated of how a pipeline prepares its photograph and what the output is, by the names of the
    options; null where the model's spec said it all."""
    precision: Annotated[str, BeforeValidator(_present_name)] = Field(min_length=1)
    """What was asked for, e.g. `fp32`, `fp16`, `int8`, by the name that it has now; what the runtime made of it is in
    `runtime.facts`."""
    output: str | None = None
    """Of dense predictions: `logits` at the head's resolution, `argmax` of them, or `full`, at the input's."""
    weights: Weights
    params: Count | None = None
    """Number of parameters."""
    macs: Count | None = None
    """Multiply-accumulate operations of one image at this resolution."""


class ArtifactRecord(Part):
    """The file that the runtime loaded."""

    format: str = Field(min_length=1)
    """`onnx`, `tflite`, `pt2`, ..."""
    sha256: Sha256
    size_bytes: Count
    facts: JsonDict = Field(default_factory=dict)
    """What the conversion says of it: opset, tensors and their layouts, replaced operators, ..."""


class ProbeConditions(Part):
    """What has to be equal for two runs to be compared, as one probe says it."""

    device: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """What the machine is."""
    system: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """The state that it was in."""


class DeviceRecord(Part):
    """The device as it was at the start of the run."""

    name: str = Field(min_length=1)
    transport: str
    """How it was reached: `local`, `ssh`, `adb`."""
    runner: str
    """What executed there: `worker`, `trtexec`, `benchmark_model`."""
    fingerprint: JsonDict = Field(default_factory=dict)
    """What the probes found: processor, memory, clocks, governor, kernel, load, ..."""
    conditions: dict[str, ProbeConditions] | None = None
    """By probe, as it read its fingerprint when the run was recorded: for hosts where the probe is not installed. null:
    recorded before that was kept."""


class RuntimeRecord(Part):
    """The inference runtime and how it was set up."""

    name: str = Field(min_length=1)
    version: str | None = None
    options: JsonDict = Field(default_factory=dict)
    """What was asked of it, e.g. `threads`."""
    facts: JsonDict = Field(default_factory=dict)
    """What it says it did: delegates, partitions, precision of its layers, load time, ..."""


class CampaignRecord(Part):
    """Which case of which campaign a run is of: from these a campaign knows what it has done."""

    name: str = Field(min_length=1, max_length=80)
    case: str = Field(pattern=r"^[0-9a-f]{16}$")
    """Key of the case: a hash of everything that was asked for."""


class ProjectRecord(Part):
    """The user's own checkout that the command was given in: the code whose latency is followed over time."""

    commit: str = Field(pattern=r"^[0-9a-f]{7,64}$")
    dirty: bool | None = None
    """Whether tracked files differed from the commit; null: git could not tell."""


class SoftwareRecord(Part):
    """What ran on the host."""

    python: str
    packages: dict[str, str] = Field(default_factory=dict)
    """Version by package name."""
    git_commit: str | None = None
    """Commit of this program, where it runs from a checkout."""
    git_dirty: bool | None = None
    """Whether that checkout had changes that are in no commit."""
