"""Tables, figures, page and campaigns of a paper that is not the default one, from the runs that ship here."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from latency_bench.harness.cli.plot import plot
from latency_bench.harness.cli.report import report
from latency_bench.harness.cli.sweep import sweep

STORE = Path(__file__).parents[3] / "results"
TABLE = "9-cityscapes"
MODELS = {"segformer-b1", "segformer-b2", "segformer-b3", "segnext-t", "segnext-s", "segnext-b", "segnext-l"}
Invoke = Callable[..., Result]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the index of the store, which is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def invoke(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("BENCH_DEVICES", raising=False)

    def run(command: click.Command, *words: str) -> Result:
        done = CliRunner().invoke(command, [*words, "--paper", "segnext", "--store", str(STORE)])
        assert done.exit_code == 0, done.output
        return done

    return run


def test_its_table_has_what_was_measured_beside_what_is_published(invoke: Invoke) -> None:
    document = json.loads(invoke(report, "--table", TABLE, "--device", "epyc-milan", "--json").stdout)
    ((name, rows),) = document["tables"].items()
    assert name.endswith(TABLE)
    (row,) = [row for row in rows if row["model"] == "SegNeXt-T"]
    assert (row["published_miou"], row["published_macs_g"]) == (79.8, 50.5)
    assert row["latency_ms"] > 1000


def test_its_figure_has_its_accuracies(invoke: Invoke, tmp_path: Path) -> None:
    invoke(plot, "latency", "--device", "epyc-milan", "--dataset", "Cityscapes", "--to", "figure.svg")
    with (tmp_path / "figure.csv").open(newline="") as file:
        points = {row["model"]: row["accuracy"] for row in csv.DictReader(file)}
    assert points["segnext-t"] == "79.8"
    assert set(points) <= MODELS


def test_its_page_is_of_its_tables(invoke: Invoke, tmp_path: Path) -> None:
    invoke(report, "--html", "--device", "epyc-milan", "--to", "out")
    (page,) = (tmp_path / "out").glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "Table 9, Cityscapes" in text
    assert "DeepLabV3plus-Mbv2" not in text.partition("Table 9, Cityscapes")[2][:20_000]


def test_its_models_are_a_campaign(invoke: Invoke) -> None:
    listed = json.loads(invoke(sweep, "--table", TABLE, "--runtime", "litert", "--dry-run", "--json").stdout)
    assert {case["model"] for case in listed["cases"]} == MODELS
