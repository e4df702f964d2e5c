"""From a CSV file to measured columns in three commands, and folders that try to do more than that."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latency_bench.reports.papers.beginning import begin_paper
from latency_bench.reports.papers.catalog import find_paper
from latency_bench.reports.papers.checking import check_paper
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.tables.build import build_table
from latency_bench.reports.tables.csv_rows import csv_text
from latency_bench.reports.tables.html import html
from latency_bench.reports.tables.latex import latex
from latency_bench.reports.tables.quantities import Measurements

PAGE = Path(__file__).parents[3] / "docs" / "papers.md"
TABLE = """Network,Input,Top-1 (%),Params (M),FLOPs (G),Latency (ms)
b0-cls-r224,224,71.6,2.14,0.1,0.6
mobilenetv3_small_100,224,67.7,2.5,0.06,0.5
somebodys own,224,75.0,3.0,0.3,0.7
"""
HOSTILE = [
    "=HYPERLINK(0)",
    "<script>alert(1)</script>",
    "\\input{/etc/passwd}",
    "[bold]x[/bold]",
    "a\u202eb",
    "../../up",
]


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_commands_of_the_documentation_give_a_table_with_measured_columns(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (tmp_path / "table.csv").write_text(block(page, "csv"))
    begin, sweep, report = block(page, "sh").splitlines()
    for line in (begin, sweep, f"{report} --json"):
        done = bench(*shlex.split(line)[1:], timeout_s=1800)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    rows = {row["model"]: row for row in json.loads(done.stdout)["tables"]["table1"]}
    assert {name: row["published_latency_ms"] for name, row in rows.items()} == {
        "MobileNetV3 Large 075": 39.8,
        "MobileNetV3 Small 100": 15.8,
        "MobileNetV3 Large minimalistic": 44.1,
    }
    assert [row["latency_ms"] is not None for row in rows.values()] == [True, True, False]


def test_the_paper_yaml_of_the_documentation_is_one(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (tmp_path / "table.csv").write_text(block(page, "csv"))
    list(begin_paper(tmp_path / "mypaper", tmp_path / "table.csv", None, None))
    (tmp_path / "mypaper" / "paper.yaml").write_text(block(page, "yaml"))
    checked = check_paper(find_paper(str(tmp_path / "mypaper")))
    assert checked.problems == []


def block(page: str, language: str) -> str:
    """The first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", page, re.S)
    assert found is not None
    return found[1]


def test_what_the_columns_are_is_told_by_their_headers(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    list(begin_paper(tmp_path / "mypaper", tmp_path / "table.csv", None, "iPhone 13"))
    paper = find_paper(str(tmp_path / "mypaper"))
    (table,) = paper.tables
    assert [column.quantity for column in table.columns] == [None, "accuracy", "params", "macs", "latency"]
    assert paper.file.devices["device"].kind == "phone"
    assert table.models == ("b0-cls-r224", "timm:mobilenetv3_small_100")
    assert table.resolution(table.rows[0]) == (224, 224)


def test_a_folder_that_is_there_is_left_alone_and_nothing_half_made_stays(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "there").mkdir()
    with pytest.raises(PaperError, match="is there already"):
        list(begin_paper(tmp_path / "there", tmp_path / "table.csv", None, None))
    (tmp_path / "twice.csv").write_text("name,ms\na,1\na,2\n")
    with pytest.raises(PaperError, match="stands in line 2 too"):
        list(begin_paper(tmp_path / "new", tmp_path / "twice.csv", None, None))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv", "there", "twice.csv"]


def test_markup_and_formulas_of_a_folder_are_shown_as_text(tmp_path: Path) -> None:
    from latency_bench.reports.evidence import Evidence

    pd = pytest.importorskip("pandas")
    from latency_bench.harness.store.columns.registry import columns

    with (tmp_path / "hostile.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["model", "note", "ms"], *([text, text, "1.0"] for text in HOSTILE)])
    list(begin_paper(tmp_path / "hostile", tmp_path / "hostile.csv", HOSTILE[1], HOSTILE[0]))
    paper = find_paper(str(tmp_path / "hostile"))
    table = build_table(paper.table("1"), Measurements(Evidence(pd.DataFrame(columns=list(columns()))), ()))
    assert "<script>" not in html(table)
    assert "\\input" not in latex(table)
    assert not any(line.startswith("=") for row in csv.reader(csv_text(table).splitlines()) for line in row)


def test_a_paper_of_an_installed_package_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    package = tmp_path / "acme_paper"
    list(begin_paper(package, tmp_path / "table.csv", "Acme", None))
    (package / "__init__.py").write_text("")
    metadata = tmp_path / "acme_paper-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-paper\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[bench.papers]\nacme = acme_paper\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_paper("acme").file.title == "Acme"
