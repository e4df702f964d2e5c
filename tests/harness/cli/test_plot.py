"""`bench plot` as a user runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

StoreRun = Any
Bench = Any


def test_a_figure_and_its_numbers_are_written_and_named(bench: Bench, store_run: StoreRun, tmp_path: Path) -> None:
    store_run()
    ran = bench("plot", "distribution", "--run", "latest", "--to", "run.svg")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["run.svg", "run.csv"]
    assert (tmp_path / "run.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert len(pd.read_csv(tmp_path / "run.csv")) == 120
    again = bench("plot", "distribution", "--run", "3f9a1c", "--to", "again.svg", "--json")
    assert again.json() == {"kind": "distribution", "figure": "again.svg", "data": "again.csv"}
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "run.svg").read_bytes()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("plot", "pie", "--to", "x.svg"), "pie"),
        (("plot", "phases", "--to", "x.svg", "--device", "nowhere"), "no run has the device nowhere"),
        (("plot", "phases", "--to", "x.svg", "--run", "abcdef"), "there is no run 'abcdef'"),
        (("plot", "phases", "--to", "x.svg", "--store", "empty"), "the store does not hold any run"),
    ],
)
def test_a_wrong_request_is_told_what_to_change(
    bench: Bench, store_run: StoreRun, tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    store_run()
    ran = bench(*words)
    assert ran.returncode == 2
    assert expected in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(tmp_path.glob("x.*"))


def test_a_broken_run_is_told_of_and_the_others_are_drawn(bench: Bench, store_run: StoreRun) -> None:
    store_run()
    other = store_run(run_id="20261122T111500Z-aaaaaa")
    (other / "record.json").chmod(0o644)
    (other / "record.json").write_text("{")
    ran = bench("plot", "phases", "--to", "x.svg")
    assert ran.returncode == 0
    assert "1 of the runs cannot be read" in ran.stderr
