"""`bench table` as a user runs it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import Bench


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, load_script: Callable[[str], ModuleType]) -> Path:
    place = tmp_path_factory.mktemp("table") / "store"
    load_script("benchmarks/example_store.py").make_store(place, 60, samples=20)
    return place


def test_a_table_of_ones_own(bench: Bench, store: Path, tmp_path: Path) -> None:
    done = bench("table", "--store", str(store), "--device", "desk", "--runtime", "litert", "--dataset", "Cityscapes",
                 "--columns", "latency,ratio,peak_rss,macs,n", "--baseline", "b1-seg")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "speed-up" in done.stdout
    assert "baseline" in done.stdout
    to_file = bench("table", "--store", str(store), "--columns", "device,latency", "--dataset", "Cityscapes",
                    "--rows", "model,runtime,precision,threads", "--to", "mine.csv")  # fmt: skip
    assert (to_file.returncode, to_file.stdout) == (0, "mine.csv\n"), to_file.stderr
    with (tmp_path / "mine.csv").open(newline="") as file:
        assert {row["device"] for row in csv.DictReader(file)} == {"desk", "laptop"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--columns", "latenzy"), "there is no column called 'latenzy'; nearest: latency"),
        (("--baseline", "nothing"), "there are"),
        (("--rows", "model"), "they differ in"),
        (("--rows", "model,device, model"), "model is named twice"),
        (("--device", "nobody"), "no run has the device nobody"),
        (("--to", "mine.docx"), "ends in .md, .tex"),
        (("--accuracy", "none.csv"), "none.csv: cannot be read"),
    ],
)
def test_what_cannot_be_a_table_is_told_in_a_line(
    bench: Bench, store: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = bench("table", "--store", str(store), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4
    assert not list(tmp_path.glob("mine*"))
