"""The network that is scored: how an image becomes what its file takes, and what its outputs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from latency_bench.harness.accuracy.stated import StatedOutput
from latency_bench.harness.case import INPUT_SEED
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.carried_inputs import carried_values
from latency_bench.harness.export.inputs import describe_inputs
from latency_bench.harness.fidelity.check import named_as_in
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class BroughtFile:
    """A file that is scored, and its input that takes the image."""

    spec: FileSpec
    image: str
    channels_last: bool


@dataclass(frozen=True)
class Subject:
    """`spec`: as scoring sees it, channel-first, with a task; of a file it is made of what was stated."""

    spec: ModelSpec
    how: Preparation
    output: StatedOutput | None = None
    """Where the user says which output it is, and in which layout."""
    file: BroughtFile | None = None

    @property
    def image_input(self) -> str:
        """What the artifact's input that takes the image is called."""
        return self.spec.inputs[0].name if self.file is None else self.file.image

    def carried(self, values: np.ndarray) -> np.ndarray:
        """Normalised values (1, 3, height, width) in the type and layout in which the artifact is fed them."""
        array = carried_values(values, self.spec.inputs[0])
        if self.file is not None and self.file.channels_last:
            return np.ascontiguousarray(array.transpose(0, 2, 3, 1))
        return array

    def described(self, artifact: Artifact) -> list[dict[str, Any]]:
        """The inputs of one request, for the worker; those that change from image to image without their values."""
        if self.file is None:
            return describe_inputs(self.spec, 1, INPUT_SEED, artifact.inputs[0].layout)
        return self.file.spec.describe_inputs(INPUT_SEED)

    def outputs(self, artifact: Artifact, given: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """What the device gave, by the spec's names, channel-first. Raises UsageError where it is not what was
        stated."""
        named = named_as_in(artifact, given)
        if self.output is None:
            return named
        if self.output.name not in named:
            raise UsageError(f"--output-is: the device gave no {self.output.name}, only {', '.join(named)}")
        return {self.spec.outputs[0].name: self.output.channel_first(named[self.output.name])}
