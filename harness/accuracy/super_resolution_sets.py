"""Images of high resolution, with their low-resolution ones beside them, or alone: then those are made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.accuracy.folder_images import images_below, relative_name
from latency_bench.harness.accuracy.samples import DataSet, Sample
from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

_HIGH = re.compile(r"(?i)(^|[_-])(hr|gt)([_-]|mod|$)")
_LOW = re.compile(r"(?i)(^|[_-])lr")


def pairs(folder: Path, spec: ModelSpec, classes: Path | None) -> DataSet:
    """Two folders, `HR` (or `GT...`) and `LR...`, as benchmarks of super-resolution are handed out: Set5/HR/baby.png
    beside Set5/LR_bicubic/X2/babyx2.png, or DIV2K_valid_HR beside DIV2K_valid_LR_bicubic/X2."""
    low, high = paired_folders(folder)
    if low is None or high is None:
        raise UsageError(
            f"--data {folder}: pairs are read from one folder called HR and one called LR, and one of them is missing"
        )
    scale = scale_of(spec)
    of_scale = _named(low, rf"(?i)x{scale}")
    by_stem = {path.stem: path for path in images_below(of_scale or low)}
    samples = []
    for path in images_below(high):
        found = next((by_stem[stem] for stem in (path.stem, f"{path.stem}x{scale}") if stem in by_stem), None)
        # One that is missing is left out, and counted, where it is read.
        samples.append(Sample(relative_name(path, folder), found or (of_scale or low) / path.name, path))
    return DataSet("pairs", folder, tuple(samples))


def high_resolution(folder: Path, spec: ModelSpec, classes: Path | None) -> DataSet:
    """Any images; the low-resolution ones are made of them, bicubically."""
    samples = [Sample(relative_name(path, folder), path, path) for path in images_below(folder)]
    return DataSet("high-resolution", folder, tuple(samples))


def paired_folders(folder: Path) -> tuple[Path | None, Path | None]:
    """Those of low and of high resolution in a folder. Raises UsageError where several could be meant."""
    inside = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    low = [entry for entry in inside if _LOW.search(entry.name)]
    high = [entry for entry in inside if _HIGH.search(entry.name) and entry not in low]
    return _only(low, folder), _only(high, folder)


def scale_of(spec: ModelSpec) -> int:
    """By how much the model enlarges. Raises UsageError for one that enlarges by no whole number."""
    stride = spec.outputs[0].stride
    scale = 0 if not stride else round(1 / stride)
    if scale < 1 or stride is None or abs(scale * stride - 1) > 1e-6:
        raise UsageError(
            f"{spec.id} does not enlarge by a whole number, so its images cannot be compared with high-resolution ones"
        )
    return scale


def _only(folders: Sequence[Path], folder: Path) -> Path | None:
    if len(folders) > 1:
        names = " and ".join(entry.name for entry in folders[:2])
        raise UsageError(f"--data {folder}: {names} could both be meant; name a folder with one HR and one LR folder")
    return folders[0] if folders else None


def _named(folder: Path, pattern: str) -> Path | None:
    return next((entry for entry in folder.iterdir() if entry.is_dir() and re.fullmatch(pattern, entry.name)), None)
