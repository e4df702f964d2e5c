"""An image that a user brings, as the values that a model wants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.image_file import UnusableImageError, opened_image

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from latency_bench.model_specs.spec import InputSpec


def image_values(path: Path, tensor: InputSpec, batch: int) -> npt.NDArray[np.float32]:
    """The image, resized to the input's size and normalised as its spec says, float32 (batch, 3, height, width).

    Raises ExportError for a file that `opened_image` refuses.
    """
    import numpy as np

    light = _light(path, tensor.shape[-2], tensor.shape[-1])
    mean, std = (np.array(values).reshape(3, 1, 1) for values in tensor.normalisation)
    values: npt.NDArray[np.float32] = ((light - mean) / std).astype(np.float32)
    return np.repeat(values[None], batch, axis=0)


def require_image(path: Path) -> None:
    """Raises ExportError for a file that is no image, is damaged, has more than 8 bits a channel, or is too large."""
    _light(path, 1, 1)


def _light(path: Path, height: int, width: int) -> npt.NDArray[Any]:
    """In [0, 1], (3, height, width)."""
    import numpy as np
    from PIL import Image

    try:
        with opened_image(path) as image:
            pixels = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    except UnusableImageError as error:
        raise ExportError(f"{path.name} cannot be read as an image: {error}") from None
    light: npt.NDArray[np.float64] = np.asarray(pixels, dtype=np.float64).transpose(2, 0, 1) / 255.0
    return light
