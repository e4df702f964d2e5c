"""What an export leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Layout = Literal["NCHW", "NHWC"]


@dataclass(frozen=True)
class Tensor:
    """One input or output as the runtime sees it."""

    name: str
    shape: tuple[int, ...]
    """With the batch, in the artifact's own layout."""
    dtype: str
    """numpy's name: float32, float16, int32, int64."""
    layout: Layout
    """`NHWC` where the artifact is channel-last; `NCHW` is the order of the spec, whatever the rank."""


@dataclass(frozen=True)
class Artifact:
    """A model file in the cache. Immutable: another export is another artifact."""

    path: Path
    format: str
    sha256: str
    """Of the file at `path`."""
    size_bytes: int
    """Of the model: `path` and its external data."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    reference: Path | None
    """.npz, one float32 array an output, by name, in the spec's layout, batch included: what the fp32 PyTorch module
    computes for the seeded input. Loads with allow_pickle=False. Of a file that was brought, which has no module: what
    the user says the outputs have to be, or None."""
    check_references: Mapping[str, Path] = field(default_factory=dict)
    """The same for each further input that outputs are compared on, by its name (check_inputs.py)."""
    check_image: Path | None = None
    """Values of the image that was brought to compare outputs on: an .npy of float32, in the spec's layout."""
    external_data: tuple[Path, ...] = ()
    """Files that `path` refers to (ONNX beyond 2 GB); they must lie beside it, or below, wherever it is deployed."""
    content_sha256: str | None = None
    """Of `path` and its external data together; None where `sha256` stands for it: our exports write the hash of the
    weights into the file."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """About the conversion: exporter, versions, opset, nodes, upsampling, conversion_s, peak_memory_bytes, ..."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; paths as text."""
        document = asdict(self)
        document["path"] = str(self.path)
        document["reference"] = str(self.reference)
        document["check_references"] = {name: str(path) for name, path in self.check_references.items()}
        document["check_image"] = None if self.check_image is None else str(self.check_image)
        document["external_data"] = [str(path) for path in self.external_data]
        del document["content_sha256"]
        document["inputs"] = [tensor_to_json(tensor) for tensor in self.inputs]
        document["outputs"] = [tensor_to_json(tensor) for tensor in self.outputs]
        document["facts"] = dict(self.facts)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Artifact:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for a document that is none of ours."""
        return cls(
            path=Path(document["path"]),
            format=document["format"],
            sha256=document["sha256"],
            size_bytes=int(document["size_bytes"]),
            inputs=tuple(tensor_from_json(tensor) for tensor in document["inputs"]),
            outputs=tuple(tensor_from_json(tensor) for tensor in document["outputs"]),
            reference=Path(document["reference"]),
            check_references={name: Path(path) for name, path in document["check_references"].items()},
            check_image=None if document["check_image"] is None else Path(document["check_image"]),
            external_data=tuple(Path(path) for path in document["external_data"]),
            facts=dict(document["facts"]),
        )


def tensor_to_json(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype, "layout": tensor.layout}


def tensor_from_json(document: Mapping[str, Any]) -> Tensor:
    shape = tuple(int(size) for size in document["shape"])
    return Tensor(name=document["name"], shape=shape, dtype=document["dtype"], layout=document["layout"])
