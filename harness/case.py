"""Case: one thing to measure, fully decided before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from bench_worker.runtime.declaration import BUILDER_FLAG, RuntimeDeclaration
from latency_bench.devices.declarations import known_precision
from latency_bench.devices.device import Device
from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.opening import declared_runtime
from latency_bench.devices.runners.base import RoundJob
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact, ExportOptions, describe_inputs
from latency_bench.harness.export.artifact import tensor_to_json
from latency_bench.harness.export.float32_layers import float32_layers
from latency_bench.harness.export.options import Output
from latency_bench.harness.frozen_files import FrozenFile
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.model_file.original import Original
from latency_bench.harness.pipeline_request import Surroundings
from latency_bench.harness.protocol import Protocol
from latency_bench.model_specs.spec import ModelSpec

BUILD_TIMEOUT_S = 7200.0
"""TensorRT says nothing while it builds an engine, which takes an hour and more on the smallest boards."""

INPUT_SEED = 0
"""Draws the input. One for all runs: reference outputs are kept beside the artifact; speed does not depend on it."""


@dataclass(frozen=True)
class Case:
    """A model on a device: what `bench run` measures, and what a campaign has many of."""

    spec: ModelSpec | FileSpec
    device: Device
    protocol: Protocol
    runtime: str
    rounds: int
    threads: int
    most_rounds: int | None = None
    """Up to how many the rounds may grow where the first ones show that more are needed; None: they may not."""
    cpus: tuple[int, ...] | None = None
    """Cores to pin to; None for the last `threads` of those available."""
    runtime_options: dict[str, Any] = field(default_factory=dict)
    """Beyond `threads` and `precision`, which are fields of the case."""
    batch: int = 1
    weights: FrozenFile | None = None
    """A checkpoint."""
    seed: int = 0
    precision: str = "fp32"
    """What the model is to be computed or stored in (`devices/precisions.py`)."""
    output: Output = "logits"
    """What of a dense prediction is copied out."""
    streams: int | None = None
    """Requests in flight while throughput is measured as well; None: it is not."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the user calls the run."""
    as_in_paper: bool = False
    """Asked for by `--setting paper` (paper_setting.py): the record then says what that means."""
    check_image: FrozenFile | None = None
    """An image that outputs are compared on as well."""
    pipeline: str | None = None
    """The library that decodes and prepares a photograph in every request (harness/pipeline_request.py); None: the
    request is the network's alone."""
    around: Surroundings | None = None
    """What stands around the network then; there where `pipeline` is."""
    preparation: dict[str, Any] = field(default_factory=dict)
    """What the user stated of it (accuracy/stated.py), as JSON has it."""
    photograph: FrozenFile | None = None
    """Brought for the pipeline; None: a made one."""
    calibration: FrozenFile | None = None
    """Inputs that int8's ranges of activations are taken from (harness/export/calibration.py); None: seeded draws."""
    original: Original | None = None
    """Of a file: what its outputs are held to (original_reference.py)."""
    artifact: Artifact | None = None
    """What a FileSpec is of, or an export that another computer made; else it is exported when it is needed."""

    @property
    def file(self) -> FileSpec | None:
        """The file that was brought; None for a model of the catalog."""
        return self.spec if isinstance(self.spec, FileSpec) else None

    @property
    def asked_inputs(self) -> str:
        """Sizes and values of a file's inputs that the user decided; of a model the type that its images are fed as,
        where it is not the usual one."""
        return self.spec.asked_inputs if isinstance(self.spec, FileSpec) else self.spec.carried_as or ""

    @property
    def declared(self) -> type[RuntimeDeclaration]:
        """What the runtime declares of itself. Raises InventoryError for one that the device's runner has not."""
        return declared_runtime(self.device, self.runtime)

    @property
    def builds_engines(self) -> bool:
        """Whether the runtime builds what it runs from the file; an engine that is brought is built already."""
        return self.declared.BUILDS_ENGINES and (self.artifact is None or self.artifact.format == self.declared.FORMAT)

    def export_options(self, precision: str = "fp32") -> ExportOptions:
        """`precision` is what the file itself has to carry."""
        format_asked = known_precision(precision)
        return ExportOptions(
            batch=self.batch,
            precision=precision,
            output=self.output,
            opset=self.device.onnx_opset,
            weights=None if self.weights is None else self.weights.path,
            seed=self.seed,
            input_seed=INPUT_SEED,
            check_image=None if self.check_image is None else self.check_image.path,
            quantiser=(self.declared.QUANTISER or None) if format_asked and format_asked.quantised else None,
            calibration=None if self.calibration is None else self.calibration.path,
        )

    def fields_as_options(self) -> dict[str, Any]:
        """The fields of the case that the runtime takes as options."""
        fields = {"threads": self.threads, "precision": self.precision}
        options = self.declared.OPTIONS
        if self.file is not None and self.precision not in getattr(options.get("precision"), "choices", ()):
            # Nothing is asked of a builder where the file's own types decide, whatever they are.
            del fields["precision"]
        return {name: value for name, value in fields.items() if name in options}

    def all_runtime_options(self) -> dict[str, Any]:
        return {**self.device.runtime_options, **self.runtime_options, **self.fields_as_options()}

    def build_of(self, round_index: int) -> int | None:
        """Which of the engines built on the device a round runs on, from 0; None where nothing is built there, or where
        every round has the same."""
        chosen = "build" in self.runtime_options or "build" in self.device.runtime_options
        if not self.builds_engines or "build" not in self.declared.OPTIONS or chosen:
            return None
        return round_index % min(self.protocol.builds, self.rounds)

    def round_request(self, artifact: Artifact, cpus: tuple[int, ...], round_index: int = 0) -> RoundJob:
        build = self.build_of(round_index)
        return RoundJob(
            runtime=self.runtime,
            runtime_options={**self.all_runtime_options(), **({} if build is None else {"build": build})},
            inputs=self._described_inputs(artifact),
            resized_inputs=() if self.file is None else self.file.resized,
            warmup=self.protocol.worker_warmup(),
            sampling=self.protocol.worker_sampling(),
            cpus=cpus,
            outputs=() if artifact.reference is None else tuple(map(tensor_to_json, artifact.outputs)),
            float32_layers=self._float32_layers(artifact),
            idle_timeout_s=BUILD_TIMEOUT_S if self.builds_engines else RoundJob.idle_timeout_s,
            throughput=None
            if self.streams is None
            else {**self.protocol.worker_throughput(self.streams), "images": self.batch},
            pipeline=None if self.pipeline is None else self._described_pipeline(artifact),
        )

    def _float32_layers(self, artifact: Artifact) -> tuple[str, ...]:
        asks_builder = self.declared.PRECISIONS.get(self.precision) == BUILDER_FLAG
        if not asks_builder or artifact.format != "onnx":
            return ()
        return float32_layers(artifact.path, artifact.sha256)

    def _described_pipeline(self, artifact: Artifact) -> dict[str, Any]:
        assert self.pipeline is not None
        assert self.around is not None
        photograph = None if self.photograph is None else self.photograph.path
        return self.around.describe(self.pipeline, photograph, artifact)

    def _described_inputs(self, artifact: Artifact) -> list[dict[str, Any]]:
        if isinstance(self.spec, FileSpec):
            return self.spec.describe_inputs(INPUT_SEED)
        return describe_inputs(self.spec, self.batch, INPUT_SEED, layout=artifact.inputs[0].layout)


def with_checks(request: RoundJob, case: Case, artifact: Artifact) -> RoundJob:
    """The same round, which also gives outputs for the further inputs that they are compared on, and says in what
    numbers it computes."""
    request = replace(request, tell_layers=case.precision != "fp32")
    if not artifact.check_references or isinstance(case.spec, FileSpec):
        return request
    layout = artifact.inputs[0].layout
    return replace(
        request,
        checks={
            name: describe_inputs(case.spec, case.batch, INPUT_SEED, layout, name, artifact.check_image)
            for name in artifact.check_references
        },
    )


def shortest(request: RoundJob) -> RoundJob:
    """The same round cut to two requests, to trigger what happens before the first one (such as an engine build)."""
    once = {"min_count": 1, "max_count": 1, "min_ns": 0}
    return replace(
        request,
        warmup={**request.warmup, **once, "window": 0},
        sampling={**request.sampling, **once, "relative_interval": None},
        throughput=None,
    )


def choose_cpus(case: Case, session: DeviceSession) -> tuple[int, ...]:
    """The cores to pin to. The last ones by default: the first serves most interrupts and the harness itself.

    Raises UsageError if the device has fewer cores than the case wants, or not those.
    """
    available = session.available_cpus()
    if case.cpus is not None:
        absent = sorted(set(case.cpus) - set(available))
        if absent:
            raise UsageError(f"--cpus: core {absent[0]} is not available; there are {_ranges(available)}")
        return case.cpus
    if case.threads > len(available):
        raise UsageError(f"--threads {case.threads}: only {len(available)} cores are available on {case.device.name}")
    return available[-case.threads :]


def _ranges(cpus: tuple[int, ...]) -> str:
    return ", ".join(map(str, cpus))
