"""Images with objects that have a box and a mask, as COCO's instance annotations have them (cocodataset.org): what a
network that is prompted with a box is held against, and by the boxes alone a detector."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.accuracy.class_list import lines_of
from latency_bench.harness.accuracy.samples import DataSet, PromptedObject, Sample
from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

_MOST_BYTES = 1 << 30
_PREFIX = "instances_"


def coco(folder: Path, spec: ModelSpec, classes: Path | None) -> DataSet:
    """annotations/instances_NAME.json, with the images in NAME, in images, or in the folder itself. `classes`: names of
    categories in the order of a detector's classes, one a line; without it the categories' ids are in that order.

    Objects that are groups (`iscrowd`) are no prompts, and boxes without an area do not count; images without another
    one are left out where boxes are prompts. Raises UsageError naming what is wrong with the file.
    """
    file = _annotations(folder)
    name = file.stem.removeprefix(_PREFIX)
    images = next((one for one in (folder / name, folder / "images") if one.is_dir()), folder)
    content = _content(file)
    detects = spec.task == "detection"
    class_of = _classes(content, spec, classes, file) if detects else None
    objects: dict[int, list[PromptedObject]] = {}
    for number, entry in enumerate(_entries(content, "annotations", file)):
        where = f"{file}: annotation {number}"
        image_id, prompted = _image_of(entry, where), _object(entry, where, class_of)
        if prompted is not None:
            objects.setdefault(image_id, []).append(prompted)
    samples = []
    for number, entry in enumerate(_entries(content, "images", file)):
        path = _path(entry, images, f"{file}: image {number}")
        shown = objects.get(_number(entry.get("id"), f"{file}: image {number}: id"), [])
        if detects or not all(one.is_crowd for one in shown):
            samples.append(Sample(str(entry["file_name"]), path, tuple(shown)))
    return DataSet("coco", folder, tuple(sorted(samples, key=lambda one: one.name)))


def _annotations(folder: Path) -> Path:
    found = sorted((folder / "annotations").glob(f"{_PREFIX}*.json"))
    if len(found) != 1:
        told = f"there are {len(found)} of them: leave one" if found else "it is not there"
        raise UsageError(f"--data {folder}: the objects are read from annotations/{_PREFIX}NAME.json, and {told}")
    return found[0]


def _content(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{file} is larger than {_MOST_BYTES >> 30} GiB, the most that is read; split it")
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(
            f"{file} has to be a JSON object with the fields `images` and `annotations`, as COCO writes it"
        )
    return content


def _entries(content: Mapping[str, Any], name: str, file: Path) -> Iterator[Mapping[str, Any]]:
    entries = content.get(name)
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise UsageError(f"{file}: the field `{name}` has to be a list of JSON objects")
    yield from entries


def _image_of(entry: Mapping[str, Any], where: str) -> int:
    return _number(entry.get("image_id"), f"{where}: image_id")


def _number(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{where} has to be a whole number")
    return value


def _classes(content: Mapping[str, Any], spec: ModelSpec, listed: Path | None, file: Path) -> dict[int, int]:
    """A detector's classes by the category's id."""
    ids: dict[str, int] = {}
    for number, entry in enumerate(_entries(content, "categories", file)):
        name = entry.get("name")
        if not isinstance(name, str) or name in ids:
            raise UsageError(f"{file}: category {number}: name has to be a text of its own")
        ids[name] = _number(entry.get("id"), f"{file}: category {number}: id")
    order = sorted(ids, key=lambda name: ids[name]) if listed is None else lines_of(listed)
    if unknown := [name for name in order if name not in ids]:
        raise UsageError(f"--classes {listed}: {unknown[0]} is not a category of {file}")
    expected = spec.outputs[0].channels
    if len(order) != expected or len(set(ids.values())) != len(ids):
        raise UsageError(
            f"{file} has {len(ids)} categories and {spec.id} tells {expected} classes apart: name the categories in "
            "the order of its classes with --classes FILE, one a line"
        )
    return {ids[name]: place for place, name in enumerate(order)}


def _object(entry: Mapping[str, Any], where: str, class_of: Mapping[int, int] | None) -> PromptedObject | None:
    """None for what does not count. Annotations without categories are of one. `class_of`: where boxes and classes are
    asked for, and no masks."""
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_size, box)):
        raise UsageError(f"{where}: bbox has to be a list of four numbers: left, top, width and height")
    left, top, width, height = map(float, box)
    is_crowd, area = bool(entry.get("iscrowd")), entry.get("area")
    if not is_crowd and (width <= 0 or height <= 0):
        return None
    if area is not None and (not _is_size(area) or area < 0):
        raise UsageError(f"{where}: area has to be a number of pixels, 0 or more")
    segmentation = entry.get("segmentation")
    category = _number(entry.get("category_id", 0), f"{where}: category_id")
    if class_of is not None:
        if category not in class_of:
            raise UsageError(f"{where}: category_id {category} is none of the categories")
        segmentation, category = "", class_of[category]
    elif not isinstance(segmentation, (list, dict)) or not segmentation:
        raise UsageError(f"{where}: segmentation has to be a list of polygons or an object of run lengths")
    return PromptedObject(
        (left, top, left + width, top + height),
        json.dumps(segmentation, sort_keys=True) if segmentation else "",
        category,
        None if area is None else float(area),
        is_crowd,
    )


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _path(entry: Mapping[str, Any], images: Path, where: str) -> Path:
    name = entry.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name:
        raise UsageError(f"{where}: file_name has to be the name of a file")
    path = images / name
    if not path.resolve().is_relative_to(images.resolve()):
        raise UsageError(f"{where}: {name!r} lies outside {images}, where nothing is read")
    return path
