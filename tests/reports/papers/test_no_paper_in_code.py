"""What the program knows of a paper lies in its folder."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAPERS = ROOT / "reports" / "papers"
WORDS = re.compile(r"efficientvit|cityscapes|table 3", re.I)
OF_DATA_SETS = ("harness/accuracy/", "harness/cli/accuracy.py")
"""How images are scored, which goes by the data set and by who trained a network."""


def test_no_code_of_reports_and_harness_knows_the_default_paper() -> None:
    folders = {path.parent for path in PAPERS.glob("*/paper.yaml")}
    assert folders
    code = [
        path
        for top in ("reports", "harness")
        for ending in ("py", "js", "j2", "css")
        for path in (ROOT / top).rglob(f"*.{ending}")
    ]
    assert len(code) > 200
    knowing = [
        name
        for path in code
        if not (name := str(path.relative_to(ROOT))).startswith(OF_DATA_SETS)
        and WORDS.search(path.read_text(encoding="utf-8"))
    ]
    assert knowing == []


def test_a_papers_folder_has_data_alone() -> None:
    endings = {path.suffix for folder in PAPERS.iterdir() if folder.is_dir() for path in folder.iterdir()}
    assert endings - {""} <= {".yaml", ".csv", ".pyc"}
