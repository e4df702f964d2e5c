"""What an export leaves in the folder for temporary files: nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NET = """
from torch import nn


class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 3)
"""


def test_an_export_leaves_nothing_in_the_folder_for_temporary_files(cold_bench: Any, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    (tmp_path / "net.py").write_text(NET)
    model = ("--module", "net.py:Net", "--input", "3x8x8", "--format", "pt2", "--to", str(tmp_path / "net.pt2"))
    done = cold_bench("export", *model, env={"TMPDIR": str(folder), "BENCH_CACHE": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    assert not list((tmp_path / "cache").rglob("torchinductor"))
