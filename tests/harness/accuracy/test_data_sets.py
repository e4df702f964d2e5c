"""Layouts that people have on disk, with their labels; what is wrong with one is said with its place."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latency_bench.harness.accuracy.data_sets import open_data_set
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.accuracy_images import images_to_parquet
from latency_bench.model_specs import load_spec

CLASSIFIER, CITYSCAPES, ADE = (load_spec(name) for name in ("b0-cls-r224", "b0-seg", "b1-seg-ade20k"))


def image(path: Path, size: tuple[int, int] = (8, 8), mode: str = "RGB", fill: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, fill if mode != "RGB" else (fill, fill, fill)).save(path)
    return path


def test_folders_are_classes_in_the_order_of_a_list(tmp_path: Path) -> None:
    for name in ("cat", "ant"):
        image(tmp_path / name / "1.png")
    (tmp_path / "classes.txt").write_text("bee\ncat\nant\n")
    found = open_data_set(tmp_path, CLASSIFIER, classes=tmp_path / "classes.txt")
    assert [(one.name, one.label) for one in found.samples] == [("ant/1.png", 2), ("cat/1.png", 1)]
    with pytest.raises(UsageError, match="2 folders and b0-cls-r224 tells 1000 classes apart"):
        open_data_set(tmp_path, CLASSIFIER)
    (tmp_path / "classes.txt").write_text("cat\n")
    with pytest.raises(UsageError, match="ant is not a class"):
        open_data_set(tmp_path, CLASSIFIER, classes=tmp_path / "classes.txt")


def test_images_of_formats_that_are_not_read_are_counted_too(tmp_path: Path) -> None:
    for name in ("a.png", "b.PNG", "c.gif", "d.heic", "notes.txt", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "e.png").symlink_to(tmp_path / "a disk that is not mounted")
    (tmp_path / "folder.png").mkdir()
    found = open_data_set(tmp_path, CLASSIFIER, layout="unlabelled")
    assert [one.name for one in found.samples] == ["a.png", "b.PNG", "c.gif", "d.heic", "e.png"]


def test_a_list_names_files_and_labels(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,7\nb.png,999\n")
    found = open_data_set(tmp_path, CLASSIFIER, labels=tmp_path / "labels.csv")
    assert [one.label for one in found.samples] == [7, 999]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,class\na.png,1\n", "columns `file` and `label`"),
        ("file,label\na.png,-1\n", "line 2: '-1' is not a class"),
        ("file,label\na.png,1\n../../etc/passwd,1\n", "line 3: .* lies outside"),
        ("file,label\na.png,1000\n", "is of class 1000"),
        ("file,label\n", "no images"),
        ("file,label\na.png,\u00b2\n", "line 2: '\u00b2' is not a class"),
        ("file,label\na\0.png,1\n", "line 2: .* is not the name"),
        ("file,label\n,1\n", "line 2: '' is not the name"),
        ("file,label\na.png,1\nb.png,1\n./a.png,2\n", "line 4: './a.png' has its label in line 2"),
    ],
)
def test_a_list_that_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(UsageError, match=words):
        open_data_set(tmp_path, CLASSIFIER, labels=tmp_path / "labels.csv")


def test_lists_as_spreadsheets_and_editors_of_windows_write_them(tmp_path: Path) -> None:
    for name in ("great white", "ant"):
        image(tmp_path / "photos" / name / "1.png")
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfgreat white\r\nant\r\n\r\n")
    found = open_data_set(tmp_path / "photos", CLASSIFIER, classes=tmp_path / "classes.txt")
    assert [(one.name, one.label) for one in found.samples] == [("ant/1.png", 1), ("great white/1.png", 0)]
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbffile,label\r\nant/1.png, 3\r\n")
    (sample,) = open_data_set(tmp_path / "photos", CLASSIFIER, labels=tmp_path / "labels.csv").samples
    assert (sample.name, sample.label) == ("ant/1.png", 3)
    (tmp_path / "classes.txt").write_text("ant\ngreat white\nant\n")
    with pytest.raises(UsageError, match="ant stands there twice"):
        open_data_set(tmp_path / "photos", CLASSIFIER, classes=tmp_path / "classes.txt")


def test_which_images_these_are_can_be_told_whatever_their_names_and_if_one_is_missing(tmp_path: Path) -> None:
    latin = tmp_path / os.fsdecode(b"caf\xe9.png")
    image(tmp_path / "a.png").rename(latin)
    found = open_data_set(tmp_path, CLASSIFIER)
    assert [one.name for one in found.samples] == ["caf\\xe9.png"]
    assert images_to_parquet([one.name for one in found.samples], ("top_1",), np.ones((1, 1)))
    (tmp_path / "labels.csv").write_text("file,label\nmissing.png,1\n")
    listed = open_data_set(tmp_path, CLASSIFIER, labels=tmp_path / "labels.csv")
    assert listed.digest != found.digest
    (tmp_path / "labels.csv").write_text("file,label\nmissing.png,2\n")
    assert open_data_set(tmp_path, CLASSIFIER, labels=tmp_path / "labels.csv").digest != listed.digest


@pytest.mark.parametrize("kind", ["labelIds", "labelTrainIds"])
def test_cityscapes_by_either_kind_of_label(tmp_path: Path, kind: str) -> None:
    image(tmp_path / "leftImg8bit" / "val" / "ulm" / "ulm_1_leftImg8bit.png")
    image(tmp_path / "gtFine" / "val" / "ulm" / f"ulm_1_gtFine_{kind}.png", mode="L")
    found = open_data_set(tmp_path, CITYSCAPES)
    assert found.layout == "cityscapes"
    assert found.to_class is not None
    stored = np.array([7, 8, 33, 0, 255], dtype=np.uint8) if kind == "labelIds" else np.array([0, 1, 18, 19, 255])
    assert found.to_class(stored.astype(np.uint8)).tolist() == [0, 1, 18, -1, -1]
    with pytest.raises(UsageError, match="gives one class an image"):
        open_data_set(tmp_path, CLASSIFIER)


def test_ade20k_counts_from_one(tmp_path: Path) -> None:
    image(tmp_path / "images" / "validation" / "1.jpg")
    image(tmp_path / "annotations" / "validation" / "1.png", mode="L")
    found = open_data_set(tmp_path, ADE)
    assert found.layout == "ade20k"
    assert found.to_class is not None
    assert found.to_class(np.array([0, 1, 150], dtype=np.uint8)).tolist() == [-1, 0, 149]


def test_a_draw_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for number in range(20):
        image(tmp_path / f"{number:02}.png")
    found = open_data_set(tmp_path, CLASSIFIER)
    some = [one.name for one in found.some(5, 1).samples]
    assert some == sorted(some) == [one.name for one in found.some(5, 1).samples]
    assert some != [one.name for one in found.some(5, 2).samples]
    assert found.some(5, 1).digest != found.digest


def test_what_is_no_folder_or_has_no_images_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        open_data_set(tmp_path / "missing", CLASSIFIER)
    with pytest.raises(UsageError, match="no images in the layout `unlabelled`"):
        open_data_set(tmp_path, CLASSIFIER)
