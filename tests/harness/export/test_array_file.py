"""Files of arrays that are cut off, changed, or something else are refused in one way, whoever reads them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

from latency_bench.harness.accuracy.pieces import Piece
from latency_bench.harness.accuracy.scoring import scorer_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.array_file import UnreadableArraysError, named_arrays, single_array
from latency_bench.harness.export.calibration import read_calibration
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.model_file.input_values import _array
from latency_bench.harness.model_file.reference_values import check_reference
from latency_bench.model_specs import load_spec

SPEC = load_spec("b0-cls-r224")


def archive() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, image=np.arange(4000, dtype=np.float32))
    return file.getvalue()


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


BROKEN = {
    "empty": b"",
    "text": b"hello\n",
    "head of a zip": b"PK\x03\x04",
    "cut off": archive()[:-30],
    "half": archive()[: len(archive()) // 2],
    "changed": flipped(archive(), 200),
}


@pytest.mark.parametrize("kind", list(BROKEN))
def test_a_broken_file_is_refused_by_everybody_in_a_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(BROKEN[kind])
    for read, error in (
        (named_arrays, UnreadableArraysError),
        (lambda path: _array("--input x=a", path), UsageError),
        (lambda path: read_calibration(path, SPEC), ExportError),
        (lambda path: check_reference(path, None), UsageError),
    ):
        with pytest.raises(error) as refused:
            read(path)
        assert str(refused.value).count("\n") == 0
    assert Piece.read(path, scorer_of(SPEC)) is None, "a piece that was cut off is scored again"


def test_one_array_and_several_are_not_taken_for_each_other(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(UnreadableArraysError, match="several arrays"):
        single_array(tmp_path / "a.npz")
    with pytest.raises(UnreadableArraysError, match="is one array"):
        named_arrays(tmp_path / "a.npy")
    assert single_array(tmp_path / "a.npy").shape == named_arrays(tmp_path / "a.npz")["x"].shape == (3,)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableArraysError, match="the file does not exist"):
        single_array(tmp_path / "pipe")
