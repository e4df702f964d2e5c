"""Pillow: its filters grow with the factor by which an image shrinks, as those of most evaluations do."""

import io
from typing import Any, Dict, Tuple

import numpy as np

from .image_library import ImageLibrary, import_library


def _import(module: str) -> Any:
    return import_library(module, Pillow.name)


class Pillow(ImageLibrary):
    name = "pillow"

    def __init__(self) -> None:
        self._module = _import("PIL.Image")
        constants = getattr(self._module, "Resampling", self._module)  # Resampling: Pillow 9.1
        self._filters = {"bilinear": constants.BILINEAR, "bicubic": constants.BICUBIC}

    def facts(self) -> Dict[str, Any]:
        package = _import("PIL")
        features = _import("PIL.features")
        facts = {"library": self.name, "version": str(package.__version__)}
        try:
            turbo = features.version("libjpeg_turbo")  # asked for since Pillow 8
            facts["jpeg"] = "libjpeg-turbo %s" % turbo if turbo else "libjpeg %s" % features.version("jpg")
        except Exception:  # an older one cannot be asked
            pass
        return facts

    def decode(self, content: bytes) -> Any:
        return self._module.open(io.BytesIO(content)).convert("RGB")

    def size(self, image: Any) -> Tuple[int, int]:
        width, height = image.size
        return int(width), int(height)

    def resized(self, image: Any, width: int, height: int, interpolation: str) -> Any:
        return image.resize((width, height), self._filters[interpolation])

    def cut(self, image: Any, left: int, top: int, width: int, height: int) -> Any:
        return image.crop((left, top, left + width, top + height))

    def pixels(self, image: Any) -> "np.ndarray":
        return np.asarray(image)

    def resized_maps(self, maps: "np.ndarray", width: int, height: int, interpolation: str) -> "np.ndarray":
        resized = np.empty((len(maps), height, width), np.float32)
        for to, one in zip(resized, maps):
            image = self._module.fromarray(np.ascontiguousarray(one, np.float32))
            to[...] = np.asarray(image.resize((width, height), self._filters[interpolation]))
        return resized
