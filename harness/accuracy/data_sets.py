"""Images and their labels, in the layouts in which people have them on disk. Nothing is opened here but lists."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from latency_bench.harness.accuracy.class_list import lines_of
from latency_bench.harness.accuracy.coco_set import coco
from latency_bench.harness.accuracy.folder_images import images_below, relative_name
from latency_bench.harness.accuracy.samples import DataSet, Sample
from latency_bench.harness.accuracy.super_resolution_sets import high_resolution, paired_folders, pairs
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.spec import ModelSpec

_MOST_LIST_BYTES = 512 << 20
_NUMBER = re.compile(r"[0-9]{1,9}")


def open_data_set(
    folder: Path, spec: ModelSpec, layout: str | None = None, labels: Path | None = None, classes: Path | None = None
) -> DataSet:
    """The images below `folder` with their labels. `layout`: one of LAYOUTS; None: as the folder looks. `labels`: a CSV
    with the columns `file` and `label`. `classes`: names of folders in the order of the model's outputs, one a line.

    Raises UsageError for a folder that is not of this layout, and for labels that the model has no output for.
    """
    if not folder.is_dir():
        raise UsageError(f"--data {folder}: there is no such folder")
    if labels is not None:
        if _layouts_of(spec.task):
            raise UsageError(f"--labels are classes, and {spec.id} gives images, masks or boxes; leave it out")
        found = DataSet("list", folder, tuple(_listed(folder, labels)))
    else:
        name = layout or _layout_of(folder, spec)
        if not _goes_with(name, spec.task):
            raise UsageError(f"--layout {name} is not for {spec.task}, which {spec.id} is for")
        found = LAYOUTS[name](folder, spec, classes)
    if not found.samples:
        raise UsageError(
            f"--data {folder}: there are no images in the layout `{found.layout}` ({_LOOKS[found.layout]})"
        )
    _check_labels(found, spec)
    return found


def _goes_with(layout: str, task: str) -> bool:
    """Whether a layout has what a task is held against. Without labels there are no prompts either, and of a detector's
    candidates none is the fp32 module's choice."""
    if layout == "unlabelled":
        return task not in _TASKS["coco"]
    own = _layouts_of(task)
    return layout in own if own else layout not in _TASKS


def _layouts_of(task: str) -> list[str]:
    """Those that are for this task alone, or for few others; empty: any that is for none."""
    return [layout for layout, tasks in _TASKS.items() if task in tasks]


def _layout_of(folder: Path, spec: ModelSpec) -> str:
    if spec.task in _TASKS["coco"]:
        return "coco"
    if spec.task == "super-resolution":
        return "pairs" if all(paired_folders(folder)) else "high-resolution"
    if (folder / "leftImg8bit").is_dir():
        return "cityscapes"
    if (folder / "images" / "validation").is_dir() and (folder / "annotations").is_dir():
        return "ade20k"
    return "folders" if any(entry.is_dir() for entry in folder.iterdir()) else "unlabelled"


def _folders(folder: Path, spec: ModelSpec, classes: Path | None) -> DataSet:
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    outputs = spec.outputs[0].channels
    order = names if classes is None else lines_of(classes)
    if classes is None and outputs is not None and len(names) != outputs:
        raise UsageError(
            f"--data {folder} has {len(names)} folders and {spec.id} tells {outputs} classes apart: name the classes "
            "in the order of its outputs with --classes FILE, one folder's name a line"
        )
    place = {name: number for number, name in enumerate(order)}
    if len(place) != len(order):
        raise UsageError(f"--classes {classes}: {_twice(order)} stands there twice")
    unknown = [name for name in names if name not in place]
    if unknown:
        raise UsageError(f"--classes {classes}: the folder {unknown[0]} is not a class of the list")
    found = [(name, path) for name in names for path in images_below(folder / name)]
    return DataSet(
        "folders", folder, tuple(Sample(relative_name(path, folder), path, place[name]) for name, path in found)
    )


def _cityscapes(folder: Path, spec: ModelSpec, classes: Path | None) -> DataSet:
    images = folder / "leftImg8bit" / "val"
    if not images.is_dir():
        raise UsageError(f"--data {folder}: Cityscapes has its images in leftImg8bit/val, and that is not there")
    found = [(path, path.name.removesuffix(".png").removesuffix("_leftImg8bit")) for path in images_below(images)]

    def labels(kind: str) -> list[Path]:
        return [folder / "gtFine" / "val" / path.parent.name / f"{stem}_gtFine_{kind}.png" for path, stem in found]

    by_train_id = all(path.is_file() for path in labels("labelTrainIds"))
    chosen = labels("labelTrainIds" if by_train_id else "labelIds")
    samples = tuple(
        Sample(relative_name(path, folder), path, label) for (path, _), label in zip(found, chosen, strict=True)
    )
    return DataSet("cityscapes", folder, samples, _train_ids if by_train_id else _cityscapes_classes)


def _ade20k(folder: Path, spec: ModelSpec, classes: Path | None) -> DataSet:
    images = folder / "images" / "validation"
    if not images.is_dir():
        raise UsageError(f"--data {folder}: ADE20K has its images in images/validation, and that is not there")
    annotations = folder / "annotations" / "validation"
    found = [(path, annotations / f"{path.stem}.png") for path in images_below(images)]
    return DataSet(
        "ade20k", folder, tuple(Sample(relative_name(path, folder), path, label) for path, label in found), _one_less
    )


def _unlabelled(folder: Path, spec: ModelSpec, classes: Path | None) -> DataSet:
    return DataSet(
        "unlabelled", folder, tuple(Sample(relative_name(path, folder), path) for path in images_below(folder))
    )


LAYOUTS: dict[str, Callable[[Path, ModelSpec, Path | None], DataSet]] = {
    "folders": _folders,
    "cityscapes": _cityscapes,
    "ade20k": _ade20k,
    "pairs": pairs,
    "high-resolution": high_resolution,
    "coco": coco,
    "unlabelled": _unlabelled,
}
_TASKS = {
    "pairs": ("super-resolution",),
    "high-resolution": ("super-resolution",),
    "coco": ("segment-anything", "detection"),
}
"""Of layouts that are for some tasks alone; those tasks have no other."""
_LOOKS = {
    "folders": "FOLDER/CLASS/*.jpg",
    "cityscapes": "leftImg8bit/val/CITY/*_leftImg8bit.png with gtFine/val/CITY/*_gtFine_labelIds.png",
    "ade20k": "images/validation/*.jpg with annotations/validation/*.png",
    "pairs": "HR/*.png with LR/*.png",
    "coco": "annotations/instances_NAME.json with NAME/*.jpg",
    "high-resolution": "FOLDER/**/*.png",
    "unlabelled": "FOLDER/**/*.jpg",
    "list": "the files that --labels names",
}

# Which of the 34 kinds of Cityscapes' labels count, in the order of the 19 classes (Cordts et al., CVPR 2016; the table
# of the data set's own scripts).
_CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


def _cityscapes_classes(ids: np.ndarray) -> np.ndarray:
    table = np.full(256, -1, dtype=np.int16)
    table[list(_CITYSCAPES_IDS)] = np.arange(len(_CITYSCAPES_IDS))
    classes: np.ndarray = table[ids]
    return classes


def _train_ids(ids: np.ndarray) -> np.ndarray:
    return np.where(ids < len(_CITYSCAPES_IDS), ids.astype(np.int16), -1)


def _one_less(ids: np.ndarray) -> np.ndarray:
    """ADE20K's classes begin at 1; 0 is whatever is none of them."""
    return ids.astype(np.int16) - 1


def _listed(folder: Path, labels: Path) -> Iterator[Sample]:
    """Raises UsageError naming the line that is wrong."""
    try:
        if labels.stat().st_size > _MOST_LIST_BYTES:
            raise UsageError(f"--labels {labels}: more than {_MOST_LIST_BYTES >> 20} MiB are not read")
        with labels.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise UsageError(f"--labels {labels}: its first line has to name the columns `file` and `label`")
            below = folder.resolve()
            lines: dict[Path, int] = {}
            for row in reader:
                where = f"--labels {labels}, line {reader.line_num}"
                name, text = row["file"] or "", (row["label"] or "").strip()
                if not name or "\0" in name:
                    raise UsageError(f"{where}: {name!r} is not the name of a file")
                path = folder / name
                if not _NUMBER.fullmatch(text):
                    raise UsageError(f"{where}: {text!r} is not a class; write 0, 1, ...")
                place = path.resolve()
                if not place.is_relative_to(below):
                    raise UsageError(f"{where}: {name!r} lies outside of {folder}")
                if (line := lines.setdefault(place, reader.line_num)) != reader.line_num:
                    raise UsageError(f"{where}: {name!r} has its label in line {line} already")
                yield Sample(name, path, int(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"--labels {labels} cannot be read: {error}") from None


def _check_labels(found: DataSet, spec: ModelSpec) -> None:
    outputs = spec.outputs[0].channels
    is_dense = spec.task == "segmentation"
    for sample in found.samples:
        if isinstance(sample.label, int) and (is_dense or (outputs is not None and sample.label >= outputs)):
            raise UsageError(f"{sample.name} is of class {sample.label}, and {spec.id} has no output for that class")
        if isinstance(sample.label, Path) and not is_dense and found.layout not in _TASKS:
            raise UsageError(
                f"--data has label images (layout `{found.layout}`), and {spec.id} gives one class an image"
            )


def _twice(names: Sequence[str]) -> str:
    return next(name for place, name in enumerate(names) if name in names[:place])
