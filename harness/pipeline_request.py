"""`--pipeline`: the part of a worker's job that says what surrounds the network in every request.

How a photograph is prepared is the spec's own declaration (model_specs/preparation.py), or what the user states of a
file (accuracy/stated.py): the same by which `bench accuracy` scores images.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.model_file.image_axes import IMAGE_RANK
from latency_bench.model_specs.usual_preparation import preparation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latency_bench.harness.export import Artifact
    from latency_bench.harness.export.artifact import Tensor
    from latency_bench.model_specs.preparation import Preparation
    from latency_bench.model_specs.spec import ModelSpec

NEED_SUPPRESSION = ("detections",)
"""Answers that not every image library can give."""
_OF_IMAGENET, _OF_COCO = (375, 500), (480, 640)
_PHOTOGRAPHS: dict[str | None, tuple[int, int]] = {
    "top-classes": _OF_IMAGENET,
    "crop": _OF_IMAGENET,
    "detections": _OF_COCO,
    "boxes": _OF_COCO,
    "pad": _OF_COCO,
}
"""(height, width) by what is answered, or how is resized: what most images of those sets have. Elsewhere a photograph
has the input's own size, as photographs of streets have where they are segmented, and as super-resolution needs it."""
_SEED = 300
_QUALITY = 90
_ANSWERS = {
    "classification": "top-classes",
    "segmentation": "class-maps",
    "super-resolution": "images",
    "segment-anything": "best-masks",
    "detection": "detections",
}


@dataclass(frozen=True)
class Surroundings:
    """What stands around a network in a pipeline's request, without the library and the photograph."""

    input: str
    """Of the artifact: what the photograph goes into."""
    size: tuple[int, int]
    """(height, width) of that input."""
    how: Preparation
    mean: Sequence[float]
    std: Sequence[float]
    answer: str | None
    """What is made of the outputs, by its name in the worker (pipeline/answers.py); None where nothing is: of an image
    encoder alone, or where nobody has said what the outputs are."""
    answer_from: tuple[str, ...] = ()
    """Of the artifact: the outputs that the answer is made of."""
    channels: str = "rgb"
    """Order of the input's channels."""
    has_channels_last: bool | None = None
    """Of the input; None: as the artifact says it."""
    gives_channels_last: bool = False
    """Of the outputs, beside what the artifact says of their layout."""

    @property
    def photograph_size(self) -> tuple[int, int]:
        """(height, width) of the made photograph, in pixels."""
        return _PHOTOGRAPHS.get(self.answer) or _PHOTOGRAPHS.get(self.how.resize, self.size)

    def describe(self, library: str, photograph: Path | None, artifact: Artifact) -> dict[str, Any]:
        """The field `pipeline` of a worker's job (docs/architecture.md), its photograph a file on this host."""
        last = artifact.inputs[0].layout == "NHWC" if self.has_channels_last is None else self.has_channels_last
        return {
            "library": library,
            "photograph": str(photograph or made_photograph(*self.photograph_size)),
            "input": self.input,
            "channels_last": last,
            "channels": self.channels,
            "resize": self.how.resize,
            "crop_share": self.how.crop_share,
            "interpolation": self.how.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
            "outputs": [{"name": one.name, "channels_last": self._is_last(one)} for one in artifact.outputs],
            "answer": self.answer,
            "answer_from": list(self.answer_from),
        }

    def _is_last(self, output: Tensor) -> bool:
        is_named = output.name in self.answer_from
        # A map of classes may have a dimension for the one value of each pixel, before or behind the others.
        is_map = self.answer == "class-maps" and len(output.shape) == IMAGE_RANK
        return output.layout == "NHWC" or (
            is_named and (self.gives_channels_last or (is_map and output.shape[1] != 1 and output.shape[3] == 1))
        )


def surroundings_of_spec(spec: ModelSpec, how: Preparation | None = None) -> Surroundings:
    """As the spec says it; `how`: changed by the user."""
    tensor = spec.inputs[0]
    mean, std = tensor.normalisation
    return Surroundings(
        tensor.name,
        spec.resolution,
        how or preparation_of(spec),
        mean,
        std,
        answer_of(spec),
        tuple(one.name for one in spec.outputs),
    )


def answer_of(spec: ModelSpec) -> str | None:
    """As `Surroundings.answer`."""
    answer = _ANSWERS.get(spec.task)
    expected = 2 if answer == "best-masks" else 1
    return answer if len(spec.outputs) == expected else None


def made_photograph(height: int, width: int) -> Path:
    """A JPEG file with the statistics of photographs (bench_worker/natural_images.py), quality 90, colours at half the
    resolution as cameras store them; made once."""
    import io

    import numpy as np
    from PIL import Image

    from bench_worker.natural_images import natural_image
    from latency_bench.harness.store.durable import replacing

    folder = cache_folder() / "photographs"
    file = folder / f"natural-{width}x{height}-{_made_with()}.jpg"
    if not file.is_file():
        light = natural_image(3, height, width, np.random.RandomState(_SEED))
        pixels = np.rint(light * 255).astype(np.uint8).transpose(1, 2, 0)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "JPEG", quality=_QUALITY, subsampling="4:2:0")
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(file) as partial:
            partial.write(content.getvalue())
    return file


def _made_with() -> str:
    """Another encoder may give other bytes."""
    import PIL

    said = f"{PIL.__version__} {_SEED} {_QUALITY}"
    return hashlib.sha256(said.encode()).hexdigest()[:8]
