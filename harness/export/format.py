"""A file format that models are exported to: what it declares, how it is written, how a file of it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bench_worker.precisions import PRECISIONS
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.job import Conversion, ExportJob
from latency_bench.model_specs.carried_types import CarriedAs

if TYPE_CHECKING:
    from latency_bench.harness.export.options import ExportOptions
    from latency_bench.harness.export.quantiser import Quantiser
    from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class FileTensor:
    """An input or output as a file states it."""

    name: str
    shape: tuple[int | str, ...] | None
    """Batch included, in the file's own layout. A size that the file leaves open is a text: what the file calls it,
    empty where it has no name. None: not even the number of dimensions is stated."""
    dtype: str
    """numpy's name, or bfloat16; of what is no tensor of numbers, what it is: `string`, `sequence`, `map`."""


@dataclass(frozen=True)
class Interface:
    """What a file says of itself."""

    inputs: tuple[FileTensor, ...]
    outputs: tuple[FileTensor, ...]
    precision: str
    """The number format of its weights (file_precision.py)."""
    stated: bool = True
    """False: nothing here can read what the file takes and gives, and the user says what it takes."""


class Format(ABC):
    """The facts of a format, and its exporter. Importing its module imports no heavy package."""

    name: ClassVar[str]
    """As runtimes name what they load, and `bench export --format` takes it."""
    title: ClassVar[str]
    """For people: `ONNX`."""
    suffix: ClassVar[str]
    """Of its files: `.onnx`."""
    precisions: ClassVar[tuple[str, ...]]
    """That a file of it can carry."""
    modules: ClassVar[tuple[str, ...]] = ()
    """What exporting to it imports."""
    reading_modules: ClassVar[tuple[str, ...]] = ()
    """What reading a file of the user's imports."""
    distributions: ClassVar[tuple[str, ...]] = ()
    """Packages whose versions can change the file, by the names that pip knows them by."""
    usual_runtime: ClassVar[str | None] = None
    """What runs a file of the user's where no runtime is named, and the device's own loads another format. None: files
    of this format cannot be brought."""
    channels_last: ClassVar[bool] = False
    """Whether images usually have their channels last."""
    carried: ClassVar[tuple[CarriedAs, ...]] = ()
    """What images can be fed as, beside the module's float32."""
    has_opset: ClassVar[bool] = False
    """Whether `--opset` means something to it."""
    usual_quantiser: ClassVar[str | None] = None
    """Which of the quantisers (harness/export/quantisers) makes its quantised files, where the runtime names none.
    None: the format has a tool of its own, which is part of `modules`."""
    keeps_fused_attention: ClassVar[bool] = False
    """Whether PyTorch's fused attention stays one operator; else it is written out."""

    @classmethod
    def file_name(cls) -> str:
        """Of an exported model in the cache."""
        return f"model{cls.suffix}"

    def check(self, spec: ModelSpec, options: ExportOptions) -> None:
        """Refuse early, before anything heavy runs, what the format cannot have. Raises ExportError."""
        if options.precision not in self.precisions:
            raise ExportError(self.not_carried(options.precision))
        if unfit := self.unfit_images(spec, options.precision):
            raise ExportError(unfit)
        quantiser = self.quantiser(options)
        if quantiser is not None and options.precision not in quantiser.precisions:
            raise ExportError(f"{quantiser.name} makes {', '.join(quantiser.precisions)}; not {options.precision}")

    def quantiser(self, options: ExportOptions) -> Quantiser | None:
        """Who makes the file smaller after it was exported; None where nobody has to, or the format does it itself."""
        from latency_bench.harness.export.quantisers import find_quantiser

        quantised = {precision.name for precision in PRECISIONS if precision.quantised}
        if self.usual_quantiser is None or options.precision not in quantised:
            return None
        return find_quantiser(options.quantiser or self.usual_quantiser)

    def unfit_images(self, spec: ModelSpec, precision: str) -> str | None:
        """Why images cannot be fed as the spec has them, for an error; None where they can."""
        if spec.carried_as is None:
            return None
        if spec.carried_as not in self.carried:
            return f"{self.title} files take no images as {spec.carried_as} here; leave out --input-type"
        if precision == "int8":
            return "int8 files are calibrated for float32 images; leave out --input-type"
        return None

    def not_carried(self, precision: str) -> str:
        """Why a file cannot have a precision, for an error."""
        return f"{self.title} files are exported in {', '.join(self.precisions)}; not in {precision}"

    def builder_overrides(self, arguments: Mapping[str, str]) -> dict[str, str]:
        """Arguments of the model's builder that have to be others in this format, of those that it takes."""
        return {}

    @abstractmethod
    def export(self, job: ExportJob) -> Conversion:
        """Write `job.path`. Raises ExportError where the result is not what was asked for."""

    def external_data(self, path: Path) -> tuple[str, ...]:
        """Names of files that a file of the user's refers to, which have to lie beside it. Raises ExportError as
        `read`."""
        return ()

    def read(self, path: Path) -> Interface:
        """The interface of a file of the user's. Raises ExportError for one that is none."""
        raise ExportError(f"{self.title} files cannot be measured as they are: {path}")
