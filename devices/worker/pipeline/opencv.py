"""OpenCV: its filters look at the same few neighbours however much an image shrinks, which is quicker and gives other
pixels than Pillow's."""

from typing import Any, Dict, Tuple

import numpy as np

from .image_library import ImageLibrary, import_library


class OpenCv(ImageLibrary):
    name = "opencv"

    def __init__(self) -> None:
        self._module = import_library("cv2", self.name)
        self._filters = {"bilinear": self._module.INTER_LINEAR, "bicubic": self._module.INTER_CUBIC}

    def facts(self) -> Dict[str, Any]:
        return {"library": self.name, "version": str(self._module.__version__)}

    def decode(self, content: bytes) -> Any:
        pixels = self._module.imdecode(np.frombuffer(content, np.uint8), self._module.IMREAD_COLOR)
        if pixels is None:
            raise ValueError("OpenCV cannot decode the photograph")
        return self._module.cvtColor(pixels, self._module.COLOR_BGR2RGB)

    def size(self, image: Any) -> Tuple[int, int]:
        return int(image.shape[1]), int(image.shape[0])

    def resized(self, image: Any, width: int, height: int, interpolation: str) -> Any:
        return self._module.resize(image, (width, height), interpolation=self._filters[interpolation])

    def cut(self, image: Any, left: int, top: int, width: int, height: int) -> Any:
        return image[top : top + height, left : left + width]

    def pixels(self, image: Any) -> "np.ndarray":
        return np.asarray(image)

    def suppressed(
        self, boxes: "np.ndarray", scores: "np.ndarray", classes: "np.ndarray", overlap: float
    ) -> "np.ndarray":
        if not len(boxes):
            return np.empty(0, np.int64)
        # It moves the boxes of each class to where no others are, for which none may lie below 0.
        moved = boxes - boxes.min(axis=0)[[0, 1, 0, 1]]
        sized = np.concatenate([moved[:, :2], moved[:, 2:] - moved[:, :2]], axis=1).astype(np.float64)
        # Scores are at least 0, and it wants more than the least one.
        kept = self._module.dnn.NMSBoxesBatched(sized.tolist(), scores.tolist(), classes.tolist(), -1.0, overlap)
        return np.array(kept, np.int64).reshape(-1)

    def resized_maps(self, maps: "np.ndarray", width: int, height: int, interpolation: str) -> "np.ndarray":
        resized = np.empty((len(maps), height, width), np.float32)
        for to, one in zip(resized, maps):
            flat = np.ascontiguousarray(one, np.float32)
            to[...] = self._module.resize(flat, (width, height), interpolation=self._filters[interpolation])
        return resized
