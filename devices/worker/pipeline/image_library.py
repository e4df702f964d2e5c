"""What decodes and resizes: a library that people use for it, behind the few calls that a pipeline makes."""

import importlib
import sys
from typing import TYPE_CHECKING, Any, Dict, Tuple

from ..failure import RUNTIME_MISSING, WorkerError, bad_request, one_line
from .library_packages import PACKAGES, SUPPRESSING

if TYPE_CHECKING:
    import numpy as np


def import_library(module: str, library: str) -> Any:
    """Raises WorkerError (runtime-missing) with the line that installs it."""
    try:
        return importlib.import_module(module)
    except Exception as error:  # a package built against another numpy fails with AttributeError and others
        raise WorkerError(
            RUNTIME_MISSING,
            "the image library %s of the pipeline is not usable in %s: %s"
            % (library, sys.executable, one_line("%s: %s" % (type(error).__name__, error))),
            "install it with: pip install %s" % PACKAGES[library],
        )


class ImageLibrary:
    """Images are the library's own objects between the calls. The constructor imports the package."""

    name = ""

    def facts(self) -> Dict[str, Any]:
        """`library` and `version`, and what decodes JPEG where that is known (`jpeg`)."""
        raise NotImplementedError

    def decode(self, content: bytes) -> Any:
        """The bytes of a file as an image of red, green and blue, its pixels in memory."""
        raise NotImplementedError

    def size(self, image: Any) -> Tuple[int, int]:
        """(width, height)."""
        raise NotImplementedError

    def resized(self, image: Any, width: int, height: int, interpolation: str) -> Any:
        raise NotImplementedError

    def cut(self, image: Any, left: int, top: int, width: int, height: int) -> Any:
        raise NotImplementedError

    def pixels(self, image: Any) -> "np.ndarray":
        """uint8 (height, width, 3)."""
        raise NotImplementedError

    def suppressed(
        self, boxes: "np.ndarray", scores: "np.ndarray", classes: "np.ndarray", overlap: float
    ) -> "np.ndarray":
        """Places of the boxes (left, top, right, bottom) that stay after non-maximum suppression within each class,
        best first. For the libraries in SUPPRESSING."""
        raise bad_request("%s has no non-maximum suppression" % self.name, "use one of %s" % ", ".join(SUPPRESSING))

    def resized_maps(self, maps: "np.ndarray", width: int, height: int, interpolation: str) -> "np.ndarray":
        """float32 (channels, h, w) as float32 (channels, height, width)."""
        raise NotImplementedError
