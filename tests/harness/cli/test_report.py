"""`bench report` as a user runs it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from latency_bench.harness.cli.report import report
from latency_bench.reports.papers.errors import PaperError

Report = Callable[..., Result]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, load_script: Callable[[str], ModuleType]) -> Path:
    """120 made-up runs of every kind on four machines, every third with hostile texts."""
    place = tmp_path_factory.mktemp("report") / "store"
    load_script("benchmarks/example_store.py").make_store(place, 120, samples=20, hostile=True)
    return place


@pytest.fixture
def run_report(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """run_report("--table", "3"): in an empty folder, with the example store unless another is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_STORE", str(store))
    monkeypatch.delenv("BENCH_DEVICES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*words: str) -> Result:
        return CliRunner().invoke(report, list(words))

    return run


def test_without_options_it_says_what_there_is(run_report: Report) -> None:
    done = run_report()
    assert done.exit_code == 0, done.output
    assert "120 runs on 4 devices" in done.output
    assert "desk: litert fp32, 1 thread" in done.output
    assert "bench report --claims" in done.output


def test_the_summary_for_programs_counts_rows(run_report: Report) -> None:
    document = json.loads(run_report("--json", "--device", "desk", "--runtime", "litert").stdout)
    (setting,) = document["settings"]
    assert (document["runs"], setting["device"], setting["threads"]) == (120, "desk", "1")
    table3 = setting["tables"]["table3"]
    assert table3["rows"] == 14
    assert 0 < table3["measured"] <= 9


def test_a_table_for_people(run_report: Report) -> None:
    done = run_report("--table", "3", "--device", "desk")
    assert done.exit_code == 0, done.output
    assert "Table 3. Semantic segmentation on Cityscapes" in done.output
    assert "not measured" in done.output
    assert "bench run --device desk --runtime litert --threads 1 --model" in done.output
    assert "orin:" not in done.output


@pytest.mark.parametrize(("ending", "begins"), [("md", "### Table 3"), ("tex", "%"), ("csv", "table,"), ("html", "<")])
def test_a_table_in_another_format(run_report: Report, ending: str, begins: str) -> None:
    done = run_report("--table", "3", "--format", ending)
    assert done.exit_code == 0, done.output
    assert done.output.startswith(begins)
    assert "<script>" not in done.output or ending in ("csv",)


def test_a_table_for_programs(run_report: Report) -> None:
    document = json.loads(run_report("--table", "3", "--json", "--device", "laptop").stdout)
    record = next(one for one in document["tables"]["table3"] if one["model"] == "SegFormer-B1")
    assert record["latency_ms_low"] < record["latency_ms"] < record["latency_ms_high"]
    assert record["latency_ms_runs"].startswith("laptop/segformer-b1/")
    assert document["files"] == []


def test_claims(run_report: Report) -> None:
    document = json.loads(run_report("--claims", "--json", "--device", "desk", "--runtime", "litert").stdout)
    rows = document["tables"]["claims"]
    assert len(rows) == 20
    assert {row["verdict"] for row in rows} >= {"reproduced", "not measured"}
    assert {row["device"] for row in rows} == {"desk"}


def test_a_figure_is_written_with_its_numbers(run_report: Report, tmp_path: Path) -> None:
    done = run_report("--figure", "4", "--device", "desk", "--to", "out", "--format", "svg")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "figure4-attention.csv",
        "figure4-attention.svg",
    ]


def test_the_page_places_runs_among_what_others_published(run_report: Report, tmp_path: Path) -> None:
    done = run_report("--html", "--device", "desk", "--runtime", "litert", "--to", "out")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'id="view-published"' in page
    assert "published measurements on a cpu" in page or "common models a latency here is" in page


def test_everything(run_report: Report, tmp_path: Path) -> None:
    done = run_report("--all", "--device", "desk", "--runtime", "litert", "--to", "out", "--format", "csv",
                      "--format", "md", "--format", "png")  # fmt: skip
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {
        f"{name}.{ending}" for name in ("claims", *(f"table{n}" for n in range(1, 8))) for ending in ("csv", "md")
    }
    assert names >= tables | {"sources.csv", "index.html", "figure1-latency.png", "figure4-attention.png"}
    assert not [name for name in names if name.endswith(".tmp")]
    printed = {Path(line).name for line in done.stdout.splitlines()}
    assert printed == names
    with (tmp_path / "out" / "sources.csv").open(newline="") as file:
        assert all(row["run"].startswith("desk/") for row in csv.DictReader(file))


def test_devices_that_do_not_go_into_one_figure_get_one_each(run_report: Report, tmp_path: Path) -> None:
    done = run_report("--figure", "1", "--to", "out", "--format", "svg")
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"figure1-latency-desk.svg", "figure1-latency-orin.csv"} <= names


def test_a_figure_that_cannot_be_drawn_is_an_error_where_it_was_asked_for(run_report: Report, tmp_path: Path) -> None:
    from latency_bench.reports.plots.style import FigureError

    done = run_report("--figure", "7", "--device", "desk", "--to", "out")
    assert isinstance(done.exception, FigureError)
    assert not (tmp_path / "out").exists()
    done = run_report("--all", "--device", "desk", "--runtime", "onnxruntime", "--format", "md", "--format", "png")
    assert done.exit_code == 0, done.output
    assert "bench: figure 7: " in done.stderr
    assert (tmp_path / "report" / "index.html").exists()


def test_an_empty_store_shows_what_to_do(run_report: Report, tmp_path: Path) -> None:
    done = run_report("--store", str(tmp_path / "none"))
    assert done.exit_code == 0, done.output
    assert "Nothing was measured yet" in done.output
    done = run_report("--table", "3", "--store", str(tmp_path / "none"))
    assert f"bench run --device local --runtime litert --threads 1 --store {tmp_path / 'none'} --model" in done.output


def test_a_device_without_runs_has_to_be_a_configured_one(run_report: Report) -> None:
    from latency_bench.devices.errors import InventoryError

    assert "bench run --device local --runtime torch --threads 4 --precision fp16 --model" in run_report(
        "--table", "3", "--device", "local", "--runtime", "torch", "--threads", "4", "--precision", "fp16"
    ).output.replace("\n", "")
    assert isinstance(run_report("--table", "3", "--device", "nobody").exception, InventoryError)


@pytest.mark.parametrize("words", [("--format", "doc"), ("--threads", "0")])
def test_a_wrong_request(run_report: Report, words: tuple[str, ...]) -> None:
    assert run_report(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--table", "8"), "has no table '8'; it has 1, 2, 3, 4, 5, 6, 7"),
        (("--figure", "2"), "has no figure '2'; it lists 1, 4, 7"),
        (("--paper", "efficientvid", "--table", "3"), "did you mean efficientvit"),
    ],
)
def test_what_a_paper_does_not_have_is_told_with_what_it_has(
    run_report: Report, words: tuple[str, ...], complaint: str
) -> None:
    error = run_report(*words).exception
    assert isinstance(error, PaperError)
    assert complaint in str(error)


def test_broken_runs_are_named_and_do_not_stop_it(run_report: Report, store: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(store / "desk", copied / "desk")
    next(copied.glob("*/*/*/record.json")).write_text("{")
    done = run_report("--table", "3", "--store", str(copied))
    assert done.exit_code == 0, done.output
    assert "1 of the runs cannot be read" in done.stderr


def test_the_command_is_there(bench: Callable[..., Any]) -> None:
    done = bench("report", "--table", "7")
    assert done.returncode == 0, done.stderr
    assert "59.8" in done.stdout
    done = bench("report", "--figure", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
