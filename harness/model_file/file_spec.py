"""What is measured where a file is brought: as a ModelSpec says it of a model of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latency_bench.harness.export.format import FileTensor
from latency_bench.harness.model_file.file_request import shape_text


@dataclass(frozen=True)
class FileInput:
    """An input with its size, and the values that it is fed: those of a file, or drawn."""

    name: str
    shape: tuple[int, ...]
    """In the file's own layout."""
    dtype: str
    distribution: str = "normal"
    low: float = 0.0
    high: float = 1.0
    """`normal` values are standard normal, `uniform` ones lie in [low, high); whole numbers for integers."""
    size_asked: bool = False
    """Whether the file leaves sizes open, beside the batch."""
    values: Path | None = None
    """An .npy file in the cache."""
    values_sha256: str | None = None
    values_text: str = ""
    """For people: `16000`, or `values 1a2b3c4d`."""

    def asked(self) -> str:
        """What the user decided of it, as `--shape` or `--input` has it: `image=1x3x640x640`; empty for nothing."""
        words = [shape_text(self.shape) if self.size_asked else "", self.values_text]
        return f"{self.name}={' '.join(word for word in words if word)}" if any(words) else ""

    def describe(self, seed: int) -> dict[str, Any]:
        """As the worker protocol has it (docs/architecture.md)."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "layout": "NCHW",
            "low": self.low,
            "high": self.high,
            "distribution": self.distribution,
            "seed": seed,
            **({} if self.values is None else {"values": str(self.values)}),
        }


@dataclass(frozen=True)
class FileSpec:
    """A file at the sizes that it is measured at."""

    id: str
    title: str
    """Name of the file."""
    sha256: str
    """Of the whole model, with weights that lie in files of their own."""
    inputs: tuple[FileInput, ...]
    outputs: tuple[FileTensor, ...]
    precision: str
    """That its weights are stored in."""
    batch: int
    """Images per request."""
    resolution: tuple[int, int]
    """(height, width), for labels (image_axes.py)."""

    task = "generic"
    requires: tuple[str, ...] = ()
    tolerance = None

    @property
    def asked_inputs(self) -> str:
        """Sizes and values that the user decided: two runs that differ in them are of different cases."""
        return ", ".join(text for one in self.inputs if (text := one.asked()))

    @property
    def resized(self) -> tuple[str, ...]:
        """Names of the inputs whose size has to be told to tools that take the file's own otherwise."""
        return tuple(one.name for one in self.inputs if one.size_asked)

    def describe_inputs(self, input_seed: int) -> list[dict[str, Any]]:
        """The inputs of a worker request. Every input has a seed of its own, so that two of equal shape differ."""
        return [one.describe(input_seed + index) for index, one in enumerate(self.inputs)]

    def to_json(self) -> dict[str, Any]:
        """As a record has it in the place of a ModelSpec."""
        return {
            "id": self.id,
            "title": self.title,
            "family": "file",
            "task": self.task,
            "dataset": None,
            "builder": "file",
            "sha256": self.sha256,
            "precision": self.precision,
            "inputs": [
                {
                    "name": one.name,
                    "shape": list(one.shape),
                    "dtype": one.dtype,
                    **(
                        {"distribution": one.distribution, "low": one.low, "high": one.high}
                        if one.values is None
                        else {"values_sha256": one.values_sha256}
                    ),
                }
                for one in self.inputs
            ],
            "outputs": [
                {
                    "name": one.name,
                    "shape": None if one.shape is None else [size if size != "" else "?" for size in one.shape],
                    "dtype": one.dtype,
                }
                for one in self.outputs
            ],
        }
