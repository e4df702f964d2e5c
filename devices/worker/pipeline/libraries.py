"""The image libraries by name (those of library_packages.py). None is imported before it is made."""

from typing import Dict, Type

from .image_library import ImageLibrary
from .opencv import OpenCv
from .pillow import Pillow

LIBRARIES: Dict[str, Type[ImageLibrary]] = {library.name: library for library in (Pillow, OpenCv)}
