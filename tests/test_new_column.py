"""The exercise: a package of one file adds a metric, and it is everywhere that a column can be, with nothing edited."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from .conftest import Bench, OnTerminal

DECLARATION = """
from latency_bench.harness.store.columns.column import Column

COLUMN = Column(
    "switches_a_round",
    "Times that the scheduler took the processor away from a round, mean of the rounds.",
    "number",
    ("rounds.involuntary_context_switches", "rounds.index"),
    lambda switches, rounds: None if not switches or None in switches else sum(switches) / len(rounds),
    title="switches",
    unit="per round",
    short="switches",
    better="lower",
    pooled="median",
)
"""


@pytest.fixture
def package(tmp_path: Path, bench_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as an installer would leave it: the file, and the metadata that name its entry point."""
    site = tmp_path / "site"
    metadata = site / "scheduler_metrics-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "scheduler_metrics.py").write_text(DECLARATION)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: scheduler-metrics\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[bench.columns]\nswitches = scheduler_metrics:COLUMN\n")
    bench_environment["PYTHONPATH"] = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])


@pytest.fixture
def store(tmp_path: Path, load_script: Callable[[str], ModuleType]) -> dict[str, float | None]:
    """Made-up runs; the value of each run, from its record, by the run's id."""
    place = tmp_path / "store"
    load_script("benchmarks/example_store.py").make_store(place, 30, samples=20)
    values: dict[str, float | None] = {}
    for file in place.glob("*/*/*/record.json"):
        record: dict[str, Any] = json.loads(file.read_text())
        for number, one in enumerate(record["rounds"]):
            one["involuntary_context_switches"] = 100 + 10 * number + len(record["model"]["id"])
        file.chmod(0o644)
        file.unlink()
        file.write_text(json.dumps(record))
        switches = [one["involuntary_context_switches"] for one in record["rounds"]]
        values[record["run_id"]] = sum(switches) / len(switches) if switches else None
    return values


@pytest.mark.usefixtures("package")
def test_a_metric_from_a_package_of_one_file_is_wherever_a_column_can_be(
    bench: Bench, on_terminal: OnTerminal, store: dict[str, float | None], tmp_path: Path
) -> None:
    listed = bench("results", "ls", "--columns", "run_id,switches", "--sort", "switches", "--json")
    assert listed.returncode == 0, listed.stderr
    assert {row["run_id"]: row["switches_a_round"] for row in listed.json()} == pytest.approx(store)
    known = [row["switches_a_round"] for row in listed.json() if row["switches_a_round"] is not None]
    assert known == sorted(known)
    assert "switches, per round" in on_terminal(100, "results", "ls", "--columns", "model,switches")

    assert bench("results", "archive", "--parquet", "runs.parquet").returncode == 0
    table = pq.read_table(tmp_path / "runs.parquet")
    assert dict(zip(table["run_id"].to_pylist(), table["switches_a_round"].to_pylist(), strict=True)) == store
    assert table.schema.field("switches_a_round").metadata[b"description"].startswith(b"Times that the scheduler")

    reported = bench("report", "--table", "3", "--columns", "switches", "--format", "csv")
    assert reported.returncode == 0, reported.stderr
    cells = [row["switches_a_round"] for row in csv.DictReader(reported.stdout.splitlines())]
    assert any(cells)
    assert {float(cell) for cell in cells if cell} <= set(known)

    drawn = bench("plot", "scatter", "--x", "switches", "--y", "latency", "--to", "switches.svg")
    assert drawn.returncode == 0, drawn.stderr
    points = list(csv.DictReader((tmp_path / "switches.csv").read_text().splitlines()))
    assert {point["run_id"]: float(point["switches_a_round"]) for point in points}.items() <= store.items()
    assert "switches, per round (lower is better)" in (tmp_path / "switches.svg").read_text()

    assert bench("report", "--html", "--to", "page").returncode == 0
    assert _declared_in(tmp_path / "page" / "index.html")["switches_a_round"]["heading"] == "switches, per round"


def _declared_in(page: Path) -> dict[str, Any]:
    import base64
    import gzip

    (block,) = re.findall(r'<script type="[^"]*" id="data">([^<]*)</script>', page.read_text(encoding="utf-8"))
    data = json.loads(gzip.decompress(base64.b64decode(block)))
    assert len(data["columns"]["switches_a_round"]["values"]) == data["count"]
    return {column["name"]: column for column in data["declared"]}


@pytest.mark.usefixtures("package")
def test_without_the_package_the_column_is_gone_and_nothing_else(
    bench: Bench, bench_environment: dict[str, str], store: dict[str, float | None]
) -> None:
    assert bench("results", "ls", "--columns", "switches").returncode == 0
    without = bench("results", "ls", "--columns", "switches", env={"PYTHONPATH": ""})
    assert without.returncode == 2
    assert "there is no column called 'switches'" in without.stderr
    assert len(bench("results", "ls", "--json", env={"PYTHONPATH": ""}).json()) == len(store)
