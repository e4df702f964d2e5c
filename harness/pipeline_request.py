"""`--pipeline`: the part of a worker's job that says what surrounds the network in every request.

How a photograph is prepared is the spec's own declaration (model_specs/preparation.py), the same by which `bench
accuracy` scores images.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.model_specs.usual_preparation import preparation_of

if TYPE_CHECKING:
    from latency_bench.harness.export import Artifact
    from latency_bench.model_specs.preparation import Resize
    from latency_bench.model_specs.spec import ModelSpec

NEED_SUPPRESSION = ("detections",)
"""Answers that not every image library can give."""
_PHOTOGRAPHS: dict[Resize, tuple[int, int]] = {"crop": (375, 500), "pad": (480, 640)}
"""(height, width): what most images of ImageNet have, and of COCO. Elsewhere a photograph has the input's own size, as
photographs of streets have where they are segmented, and as super-resolution needs it."""
_SEED = 300
_QUALITY = 90
_ANSWERS = {
    "classification": "top-classes",
    "segmentation": "class-maps",
    "super-resolution": "images",
    "segment-anything": "best-masks",
    "detection": "detections",
}


def describe_pipeline(
    spec: ModelSpec, output: str, library: str, photograph: Path | None, artifact: Artifact
) -> dict[str, Any]:
    """The field `pipeline` of a worker's job (docs/architecture.md), its photograph a file on this host."""
    how, tensor = preparation_of(spec), spec.inputs[0]
    mean, std = tensor.normalisation
    return {
        "library": library,
        "photograph": str(photograph or made_photograph(*photograph_size(spec))),
        "input": tensor.name,
        "resize": how.resize,
        "crop_share": how.crop_share,
        "interpolation": how.interpolation,
        "mean": list(mean),
        "std": list(std),
        "outputs": [{"name": one.name, "channels_last": one.layout == "NHWC"} for one in artifact.outputs],
        "answer": answer_of(spec),
        "answer_from": [one.name for one in spec.outputs],
    }


def answer_of(spec: ModelSpec) -> str | None:
    """What is made of the outputs, by its name in the worker (pipeline/answers.py); None where nothing is: of an image
    encoder alone, or of a network whose outputs nobody has said what they are."""
    answer = _ANSWERS.get(spec.task)
    expected = 2 if answer == "best-masks" else 1
    return answer if len(spec.outputs) == expected else None


def photograph_size(spec: ModelSpec) -> tuple[int, int]:
    """(height, width) of the made photograph, in pixels."""
    return _PHOTOGRAPHS.get(preparation_of(spec).resize, spec.resolution)


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
