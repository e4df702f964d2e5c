"""--reference is looked at before anything is measured: what cannot be agreed with is told then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.format import FileTensor
from latency_bench.harness.model_file.reference_values import check_reference

OUTPUTS = (FileTensor("mask", (1, "", 4), "float32"), FileTensor("score", None, "float32"))
MASK = np.zeros((1, 9, 4), np.float32)


def written(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_arrays_under_the_outputs_names_are_taken(tmp_path: Path) -> None:
    check_reference(written(tmp_path / "r.npz", mask=MASK, score=np.ones(3)), OUTPUTS)
    check_reference(written(tmp_path / "one.npz", arr_0=MASK), OUTPUTS[:1])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "the file is empty"),
        ({"masks": MASK}, "no output called 'masks'; its outputs are 'mask', 'score'"),
        ({"mask": MASK[:, :, :2]}, r"'mask' is 1x9x2, the file states 1x\?x4"),
        ({"mask": MASK + np.nan}, "not finite"),
        ({"mask": np.array([{}], dtype=object)}, "is not an .npz file"),
    ],
)
def test_what_nothing_can_agree_with_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        check_reference(written(tmp_path / "r.npz", **arrays), OUTPUTS)
    assert "\n" not in str(raised.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", MASK)
    with pytest.raises(UsageError, match="is one array"):
        check_reference(tmp_path / "a.npy", OUTPUTS)
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UsageError, match=r"is not an \.npz file"):
        check_reference(tmp_path / "text.npz", OUTPUTS)
