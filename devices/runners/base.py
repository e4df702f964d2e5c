"""The runner seam: an artifact and a protocol in, samples out."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from bench_worker.failure import WorkerError as WorkerFailure
from bench_worker.runtime.base import LayerTime
from bench_worker.runtime.declaration import RuntimeDeclaration
from latency_bench.devices.checks import Check
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.runners.batch import AnswersHandler, Batch, NoOutputsError, stored_arrays
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Transport

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


Phase = Literal["decode", "preprocess", "h2d", "compute", "d2h", "postprocess"]
PHASES: tuple[Phase, ...] = get_args(Phase)
"""Parts of a request that a runner may be able to time, in their order."""
PIPELINE_PHASES: tuple[Phase, ...] = ("decode", "preprocess", "postprocess")
"""Those around the network, which only a pipeline has; of any request copy in, inference, copy out are left."""


WHOLE_REQUEST = "whole request, transfer included"
WHOLE_PIPELINE = "whole pipeline, from the bytes of a photograph to the answer, transfer included"


@dataclass(frozen=True)
class Deployment:
    """An artifact that is on the device."""

    path: str
    sha256: str
    external_sha256: Mapping[str, str] = field(default_factory=dict)
    """Of the files with weights that lie beside it, by name, where the model has such."""


@dataclass(frozen=True)
class RoundJob:
    """What one round has to do. The dictionaries are the worker protocol's own (docs/architecture.md)."""

    runtime: str
    runtime_options: dict[str, Any]
    inputs: list[dict[str, Any]]
    warmup: dict[str, Any]
    sampling: dict[str, Any]
    cpus: tuple[int, ...] | None
    resized_inputs: tuple[str, ...] = ()
    """Names of those whose sizes the file leaves open, for tools that have to be told."""
    outputs: tuple[dict[str, Any], ...] = ()
    """Name, shape and dtype of the artifact's outputs, for a tool that gives bytes alone; empty: nothing to compare."""
    idle_timeout_s: float = 900.0
    """A single inference that takes longer than this is given up."""
    throughput: dict[str, Any] | None = None
    """Images per wall second, measured after the latency; None: not at all."""
    find_non_finite: bool = False
    """Whether to look for the first layer whose output is not finite, after everything else."""
    float32_layers: tuple[str, ...] = ()
    """Layers of the file that stay in float32 where a builder is asked for half precision, for tools that have to be
    told."""
    checks: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Further inputs by the name of what they are, whose outputs are wanted once, outside of all that is timed."""
    tell_layers: bool = False
    """Whether it is wanted in what numbers the layers compute, of a program that tells it in a process of its own."""
    pipeline: Mapping[str, Any] | None = None
    """What is timed around the network in every request, `photograph` a file on this host; None: nothing."""


@dataclass(frozen=True)
class Columns:
    """Timed requests, one entry a request, integer nanoseconds. A phase that was not measured is absent."""

    start_ns: npt.NDArray[np.int64]
    latency_ns: npt.NDArray[np.int64]
    phases_ns: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    enqueue_ns: npt.NDArray[np.int64] | None = None
    """The host's time for handing the computation to the device; None where there is no such moment."""


@dataclass(frozen=True)
class RoundResult:
    """What one round left behind."""

    warmup: Columns
    samples: Columns
    hello: dict[str, Any]
    loaded: dict[str, Any]
    done: dict[str, Any]
    outputs: Path | None
    """The artifact's outputs for the seeded input, as .npz on this host."""
    log: str
    """Everything else the device printed."""
    sampled_unix_ns: tuple[int, int] | None = None
    """When sampling began and ended, by this host's clock (Unix time); None where that cannot be told."""
    no_outputs_because: str | None = None
    """Why the runner cannot give outputs at all. The record then says `not checked` with it, never `passed`."""
    latency_covers: str = WHOLE_REQUEST
    """What the latency is the time of, where that is not a whole request."""
    check_outputs: Mapping[str, Path] = field(default_factory=dict)
    """Those for each of the job's `checks`, by its name; none where there are no outputs at all."""


@dataclass(frozen=True)
class Profile:
    """Times by layer, of all `requests` together, slowest first."""

    requests: int
    layers: tuple[LayerTime, ...]


@dataclass(frozen=True)
class Progress:
    """A sign of life from a round: stage (`starting`, `loaded`, `warmup`, `sampling`), requests and median so far."""

    stage: str
    count: int = 0
    elapsed_s: float = 0.0
    median_ms: float | None = None


ProgressHandler = Callable[[Progress], None]


class Runner(ABC):
    name: str
    RUNTIMES: ClassVar[tuple[type[RuntimeDeclaration], ...]] = ()
    """What the runner offers, each with what it declares of itself."""
    BATCH_BYTES: ClassVar[int] = 64 << 20
    """Of inputs that it is given at once by `answer`; a single request may have more."""

    @classmethod
    def runtime_names(cls) -> list[str]:
        return [declared.name for declared in cls.RUNTIMES]

    @classmethod
    def runtime(cls, name: str) -> type[RuntimeDeclaration]:
        """What the runtime of this name declares. Raises InventoryError for one that the runner does not offer."""
        for declared in cls.RUNTIMES:
            if declared.name == name:
                return declared
        raise InventoryError(
            f"the runner {cls.name} does not offer a runtime called {name!r}",
            f"Known runtimes: {', '.join(cls.runtime_names())}",
        )

    @classmethod
    def known_runtimes(cls) -> list[type[RuntimeDeclaration]]:
        """What all of them declare; one of a third party that cannot be imported is left out."""
        known = []
        for name in cls.runtime_names():
            with contextlib.suppress(InventoryError):
                known.append(cls.runtime(name))
        return known

    @classmethod
    def options(cls, runtime: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a runtime that are in effect. Raises InventoryError, with the options that there are, for an
        unknown one and for a value that is none of the option's."""
        try:
            return cls.runtime(runtime).with_defaults(given)
        except WorkerFailure as error:
            raise InventoryError(error.message, error.remedy) from None

    def artifact_precision(self, transport: Transport, runtime: str, precision: str) -> str:
        """The precision that the file itself has to carry, so that `runtime` computes in `precision`; fp32 where half
        precision is asked of the runtime and not of the file."""
        return precision

    def checks(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> Iterator[Check]:
        """What has to be there so that this runner can measure with `runtime`, for `bench devices doctor`. `options`:
        of the runtime, as devices.yaml has them."""
        yield from ()

    def check_runtime(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> object:
        """Have the device make the runtime, where that is quickly done. Raises DeviceError with what is missing."""
        return None

    def check_image_library(self, transport: Transport, library: str) -> None:
        """Raises DeviceError where the device has not what a pipeline decodes photographs with. For runners whose
        runtimes declare INPUTS_IN_PLACE."""
        return

    @abstractmethod
    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        """Cores that a measuring process may be pinned to, ascending; slowest first where they are not alike."""

    def deploy(self, transport: Transport, artifact: Path, sha256: str) -> Deployment:
        transport.content_is(artifact, sha256)
        return Deployment(transport.push(artifact, f"{sha256[:16]}{artifact.suffix}"), sha256)

    @abstractmethod
    def measure(
        self,
        transport: Transport,
        deployment: Deployment,
        request: RoundJob,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> RoundResult:
        """One round in a fresh process."""

    def profile(self, transport: Transport, deployment: Deployment, job: RoundJob, requests: int) -> Profile:
        """Times by layer over so many requests, in a process of its own whose latencies are thrown away. For runtimes
        that declare it; raises as `measure` does."""
        raise InventoryError(f"runner {self.name} does not report times of layers", "use a device with another runner")

    def answer(
        self,
        transport: Transport,
        deployment: Deployment,
        job: RoundJob,
        batches: Iterator[Batch],
        on_answers: AnswersHandler,
    ) -> None:
        """The outputs for each of the batches in turn, outside of all that is timed: `on_answers` is called once a
        batch. `batches` may be iterated in another thread. Raises as `measure` does, NoOutputsError, and what
        `batches` raises."""
        for batch in batches:
            with TemporaryFolder("batch") as folder:
                checks = {f"request{number}": batch.described(number, folder) for number in range(len(batch.requests))}
                if not checks:
                    on_answers(iter(()))
                    continue
                to = folder / "outputs.npz"
                result = self.measure(transport, deployment, replace(job, checks=checks), to, lambda _: None)
                if not result.check_outputs:
                    raise NoOutputsError(str(result.no_outputs_because))
                on_answers(stored_arrays(result.check_outputs[name]) for name in checks)
