"""A quantiser: a tool that makes a smaller file of an exported one, for formats that leave a choice of tools."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Sample: TypeAlias = "Mapping[str, npt.NDArray[np.generic]]"
"""Inputs of one request, by name."""


class Quantiser(ABC):
    """The facts of a quantiser, and its work. Importing its module imports no heavy package."""

    name: ClassVar[str]
    """As runtimes name the one that makes their files (`QUANTISER`)."""
    precisions: ClassVar[tuple[str, ...]]
    """That it can make."""
    modules: ClassVar[tuple[str, ...]]
    """What it imports."""
    distributions: ClassVar[tuple[str, ...]]
    """Packages whose versions can change the file, by the names that pip knows them by."""

    @abstractmethod
    def quantise(self, path: Path, precision: str, calibration: Sequence[Sample]) -> dict[str, Any]:
        """Rewrite the file, its inputs and outputs as they are; facts for the record. `calibration`: inputs by name,
        for the ranges of activations; empty where these are taken while running.

        Raises ExportError where the file has no layer that could be quantised.
        """
