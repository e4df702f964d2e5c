"""From an image file to the values that a model is fed: resized, cropped and normalised as its evaluation does it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from latency_bench.harness.export.image_file import UnusableImageError, opened_image
from latency_bench.model_specs.spec import InputSpec, ModelSpec

Interpolation = Literal["bilinear", "bicubic"]
_EXIF_ORIENTATION = 0x0112
_MOST_RESIZED_PIXELS = 89_478_485
"""As many as Pillow reads of a file without a warning. One row of 60,000 pixels would become 3.4 thousand million."""


class Preparation(BaseModel):
    """How an image becomes an input. `shape` of the input decides the size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crop_share: float | None = Field(default=None, gt=0, le=1)
    """The shorter side becomes the input's over this, rounded up; then the centre is cut out. None: the whole image is
    resized to the input's size, whatever its proportions."""
    interpolation: Interpolation = "bicubic"
    source: str
    """Where it is from."""


OF_CLASSIFIERS = Preparation(
    crop_share=0.95,
    interpolation="bicubic",
    source="EfficientViT's evaluation of classifiers: resize to ceil(size / 0.95), bicubic, centre crop",
)
OF_DENSE_PREDICTION = Preparation(
    interpolation="bicubic", source="EfficientViT's evaluation on Cityscapes: the image resized to the input, bicubic"
)


def usual_preparation(spec: ModelSpec) -> Preparation:
    """What the model's authors do, as far as it is known here."""
    if spec.family == "timm":
        return _of_timm(spec)
    return OF_DENSE_PREDICTION if spec.task == "segmentation" else OF_CLASSIFIERS


def _of_timm(spec: ModelSpec) -> Preparation:
    import timm

    configuration = timm.get_pretrained_cfg(str(spec.arguments["name"]))
    share = getattr(configuration, "crop_pct", None) or 0.875
    named = getattr(configuration, "interpolation", None)
    interpolation: Interpolation = "bilinear" if named == "bilinear" else "bicubic"
    return Preparation(crop_share=share, interpolation=interpolation, source=f"timm {timm.__version__}'s configuration")


def image_values(path: Path, tensor: InputSpec, how: Preparation) -> npt.NDArray[np.float32]:
    """(1, 3, height, width), float32, normalised as the spec says. Raises UnusableImageError."""
    light = _light(path, tensor.shape[-2], tensor.shape[-1], how)
    mean, std = (np.array(values).reshape(3, 1, 1) for values in tensor.normalisation)
    values: npt.NDArray[np.float32] = ((light - mean) / std).astype(np.float32)
    return values[None]


def is_turned(path: Path) -> bool:
    """Whether the file says in its EXIF data that it is shown turned; evaluations do not turn it, nor is it here."""
    try:
        with opened_image(path) as image:
            return image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1)
    except UnusableImageError:  # what is wrong with it is said where it is read
        return False


def label_values(path: Path) -> npt.NDArray[np.uint8]:
    """An image of classes, (height, width). Raises UnusableImageError."""
    if not path.is_file():
        raise UnusableImageError("no label is there")
    try:
        with opened_image(path, ("PNG", "BMP", "TIFF")) as image:
            if image.mode not in ("L", "P", "1"):
                raise UnusableImageError(f"mode {image.mode}, and not one channel of 8 bits")
            return np.asarray(image if image.mode != "1" else image.convert("L"), dtype=np.uint8)
    except UnusableImageError as error:
        raise UnusableImageError(f"the label cannot be used: {error}") from None


def _light(path: Path, height: int, width: int, how: Preparation) -> npt.NDArray[np.float64]:
    """In [0, 1], (3, height, width)."""
    from PIL import Image

    resampling = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[how.interpolation]
    with opened_image(path) as image:
        pixels = _resized(image.convert("RGB"), height, width, how, resampling)
    light: npt.NDArray[np.float64] = np.asarray(pixels, dtype=np.float64).transpose(2, 0, 1) / 255.0
    return light


def _resized(image, height: int, width: int, how: Preparation, resampling):  # type: ignore[no-untyped-def]
    if how.crop_share is None:
        return image.resize((width, height), resampling)
    # The shorter side of the image becomes that of the input over the share; the longer one keeps the proportions.
    needed = math.ceil(min(height, width) / how.crop_share)
    scale = needed / min(image.size)
    size = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    if size[0] * size[1] > _MOST_RESIZED_PIXELS:
        raise UnusableImageError("so long and narrow that it has more pixels than are read once it is resized")
    large = image.resize(size, resampling)
    left, top = round((large.width - width) / 2), round((large.height - height) / 2)
    return large.crop((left, top, left + width, top + height))
