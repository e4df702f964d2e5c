"""An image file, opened in one way for everything that reads pixels, so that the same files are refused everywhere."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
ENDINGS = (".bmp", ".jpg", ".jpeg", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Of the files of a folder that are taken for images."""
_opening = threading.Lock()
_OF_ONE_FILE = re.compile(r" ?\(.*\)| ?(0x[0-9a-f]+|[0-9]+)")
"""What a decoder's words say of this file alone, such as where it ends: files that fail alike are counted together."""
_DEEP = re.compile(r";16[BLN]")
"""In Pillow's name of the pixels as they lie in the file: of RGB;16B and the like it gives the upper 8 bits alone."""


class UnusableImageError(ValueError):
    """A file that is no image, is damaged, or has a kind of pixel that is not read; the message says which."""


@contextmanager
def opened_image(path: Path, formats: Sequence[str] = FORMATS) -> Iterator[Image.Image]:
    """Pillow's image, whose pixels are read when the block asks for them; of 8 bits a channel or fewer.

    Raises UnusableImageError, from the block too: a file is found to be cut off only when its pixels are read.
    """
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():  # a pipe would be waited for
        raise UnusableImageError("the file does not exist")
    try:
        with _opened(path, formats) as image:
            _refuse_deep(image)
            yield image
    except UnusableImageError:
        raise
    except UnidentifiedImageError:
        raise UnusableImageError(f"it is not an image in one of the formats {', '.join(formats)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusableImageError("it has more pixels than are read") from None
    except Exception as error:  # decoders raise anything for bytes that were made up
        why = " ".join(_OF_ONE_FILE.sub("", str(error)).split())[:200]
        raise UnusableImageError(f"damaged: {why or type(error).__name__}") from None


def _opened(path: Path, formats: Sequence[str]) -> Image.Image:
    """Raises what Pillow raises, and for too many pixels what it only warns of."""
    from PIL import Image

    # What is made of warnings holds for all threads of the process.
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=tuple(formats))


def _refuse_deep(image: Image.Image) -> None:
    deep = image.mode.startswith(("I", "F"))
    if not deep and isinstance(tiles := getattr(image, "tile", None), list):
        for codec, *_, arguments in tiles:
            parts = arguments if isinstance(arguments, tuple) else (arguments,)
            deep |= any(isinstance(part, str) and _DEEP.search(part) is not None for part in parts)
            # Of a PPM file the pixels' largest value stands beside their mode.
            deep |= codec == "ppm" and any(isinstance(part, int) and part > 255 for part in parts)
    if deep:
        raise UnusableImageError("more than 8 bits a channel, which are not read")
