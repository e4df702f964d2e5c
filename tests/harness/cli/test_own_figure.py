"""The page about one's own networks holds: its files and commands, as they stand there."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Bench

PAGE = Path(__file__).parents[3] / "docs" / "your-own-figure.md"
_FILE = re.compile(r"`(?P<name>[\w.]+)`[^`]*\n\n```\w+\n(?P<text>.*?)```", re.S)

FAST = """name: fast
rounds: 2
campaign_rounds: 2
warmup: {min_count: 2, max_count: 5, min_s: 0.01, max_s: 0.3, window: 0}
sampling: {min_count: 10, max_count: 20, min_s: 0.01, max_s: 5, relative_interval: null, confidence: 0.95}
"""


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_three_networks_become_rows_and_points(bench: Bench, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    files = {match["name"]: match["text"] for match in _FILE.finditer(text)}
    assert set(files) == {"mynet.py", "specs.yaml", "accuracy.csv"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("    bench ")]
    assert [words[1] for words in commands] == ["run", "plot", "plot", "table", "table"]
    run, *others = commands
    # As on the page, but for the time that it takes.
    (tmp_path / "fast.yaml").write_text(FAST)
    shorter = [*run[1 : run.index("--rounds") + 1], "2", "--protocol", "fast.yaml", "--runtime", "onnxruntime"]
    done = bench(*shorter, timeout_s=1500)
    assert done.returncode == 0, done.stderr
    printed = []
    for words in others:
        done = bench(*words[1:])
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        printed.append(done.stdout)
    for name in ("pareto.csv", "pareto-single.csv"):
        with (tmp_path / name).open(newline="") as file:
            points = {row["model"]: row for row in csv.DictReader(file)}
        assert {model: float(row["accuracy"]) for model, row in points.items()} == {
            "net-s": 71.3, "net-m": 76.9, "net-l": 79.8}  # fmt: skip
        assert points["net-l"]["on_front"] == "on", "nothing is as accurate"
    table = printed[2]
    for word in ("net-s", "71.3", "baseline", "top-1, %", "2 ×"):
        assert word in table
    assert r"\begin{table" in (tmp_path / "net.tex").read_text()


@pytest.mark.parametrize("name", ["tables.md", "your-own-figure.md"])
def test_pages_are_reached_from_the_readme(name: str) -> None:
    assert f"docs/{name}" in (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
