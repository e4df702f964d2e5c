"""Tables in papers: they compile, fit the page, are large enough to read, and are text throughout."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from latency_bench.reports.chosen_table.build import Request, build_chosen_table
from latency_bench.reports.evidence import Evidence
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.tables.build import build_table
from latency_bench.reports.tables.latex import document, latex, siunitx
from latency_bench.reports.tables.latex_numbers import PAIR_OF_COLUMNS, SIUNITX, Numbers
from latency_bench.reports.tables.quantities import Measurements
from latency_bench.reports.tables.table import Table
from tests.reports.tables.hostile_tables import HOSTILE, hostile_table

Make = Callable[..., Any]
CVPR = r"""\documentclass[10pt,twocolumn,letterpaper]{article}
\usepackage{times}
\setlength{\textheight}{8.875in}\setlength{\textwidth}{6.875in}\setlength{\columnsep}{0.3125in}
\setlength{\topmargin}{0in}\setlength{\headheight}{0in}\setlength{\headsep}{0in}\setlength{\parindent}{1pc}
\setlength{\oddsidemargin}{-0.1875in}\setlength{\evensidemargin}{-0.1875in}"""
"""The page of CVPR's style."""
CLASSES = {"ieee": r"\documentclass[conference]{IEEEtran}", "cvpr": CVPR}
LEAST_PT = 6.9
"""TeX's seven points are 72.27 to the inch, PDF's 72."""


@pytest.fixture(scope="session")
def pdflatex() -> str:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("pdflatex is not installed: scripts/install_test_tools.sh")
    return program


def compiled(
    pdflatex: str,
    folder: Path,
    tables: list[str],
    document_class: str = CLASSES["ieee"],
    numbers: Numbers = PAIR_OF_COLUMNS,
) -> str:
    """The text that pdfTeX says; the PDF has to be there."""
    (folder / "all.tex").write_text(document(tables, document_class, numbers), encoding="utf-8", errors="replace")
    done = subprocess.run(
        [pdflatex, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "all.pdf").stat().st_size > 1000
    return done.stdout


def sizes_and_fonts(pdf: Path) -> tuple[set[float], set[str]]:
    """Sizes in points of all text but marks, which are single letters above the line, and the types of all fonts."""
    from pypdf import PdfReader

    sizes: set[float] = set()
    fonts: set[str] = set()

    def visit(text: str, matrix: list[float], text_matrix: list[float], font: Any, size: float) -> None:
        # Small capitals of a class's captions are capitals in a smaller size.
        if text.strip() and not text.isupper() and not re.fullmatch(r"[a-z]{1,2}(,[a-z]{1,2})*", text.strip()):
            sizes.add(round(size * abs(text_matrix[3]) * abs(matrix[3]), 2))

    for page in PdfReader(pdf).pages:
        page.extract_text(visitor_text=visit)
        for font in page["/Resources"].get("/Font", {}).values():
            fonts.add(str(font.get_object()["/Subtype"]))
    return sizes, fonts


@pytest.fixture
def tables(make_run: Make, table_of: Make) -> list[Table]:
    """The widest and the highest ones, and one that goes into a column."""
    names = ["b0-seg", "b1-seg", "segformer-b1", "segformer-b5", "segnext-t", "segnext-s"]
    runs = table_of(
        *[
            make_run(name, [20.0 + number, 20.2 + number, 20.1 + number, 19.9, 19.8], device=device, flags=["drift"],
                     macs=25_000_000_000, peak_rss_bytes=900 * 2**20, round_samples=[30, 30, 28, 30, 30])
            for device in ("desk", "orin", "laptop")
            for number, name in enumerate(names)
        ],
        *[make_run("b2-seg", [5.0 + batch] * 5, device="rows", batch=batch) for batch in range(1, 120)],
    )  # fmt: skip
    from latency_bench.reports.evidence import settings

    three = runs[runs["device"] != "rows"]
    measurements = Measurements(Evidence(three), tuple(settings(three)))
    values = ["latency", "ratio", "peak_rss", "macs", "n"]
    return [
        build_chosen_table(three[three["device"] == "desk"], Request(columns=["latency", "n"])),
        build_chosen_table(three, Request(["model"], ["device", *values], baseline="b1-seg")),
        build_chosen_table(runs[runs["device"] == "rows"], Request(columns=values, baseline="batch=1")),
        *(build_table(table, measurements) for table in default_paper().tables[:6]),
    ]


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("written", [latex, siunitx])
def test_tables_fit_the_page_in_letters_of_seven_points(
    tables: list[Table], pdflatex: str, tmp_path: Path, name: str, written: Callable[[Table], str]
) -> None:
    numbers = SIUNITX if written is siunitx else PAIR_OF_COLUMNS
    said = compiled(pdflatex, tmp_path, [written(table) for table in tables], CLASSES[name], numbers)
    assert "Overfull" not in said
    assert "Float too large" not in said
    sizes, fonts = sizes_and_fonts(tmp_path / "all.pdf")
    assert sizes
    assert min(sizes) >= LEAST_PT
    assert "/Type3" not in fonts


def test_what_goes_into_a_column_is_set_in_one_and_the_rest_across_the_page(tables: list[Table]) -> None:
    written = [latex(table) for table in tables]
    assert [text.count(r"\begin{table}") > 0 for text in written[:3]] == [True, False, False]
    assert written[2].count("(continued)") >= 1, "119 rows are more than a page"
    assert written[2].count(r"\caption{") == written[2].count(r"\addtocounter{table}{-1}") + 1


def test_commands_are_comments_and_no_other_paper_is_named(tables: list[Table]) -> None:
    for table in tables[3:]:
        code = [line for line in latex(table).splitlines() if not line.startswith("%")]
        assert not [line for line in code if "bench run --" in line.replace("{-}", "-")]
        assert not [line for line in code if line.startswith(r"\caption") and "paper" in line]
        assert not table.commands() or "%   bench run" in latex(table)


def test_numbers_stand_bare_in_columns_of_siunitx(tables: list[Table]) -> None:
    table = tables[0]
    written = siunitx(table)
    assert written.splitlines()[0].startswith(r"% \usepackage{booktabs} \usepackage{siunitx,etoolbox}")
    latencies = [str(cell.text).partition(" ")[0] for row in table.rows for cell in row.cells[1][:1]]
    split = [one.split(".") for one in latencies]
    whole, decimals = max(len(one) for one, _ in split), max(len(rest) for _, rest in split)
    assert f"S[table-format={whole}.{decimals}," in written
    for latency in latencies:
        assert re.search(rf"& (\\bfseries )?{re.escape(latency)} & ", written), latency


def test_every_text_compiles(pdflatex: str, tmp_path: Path) -> None:
    letters = [chr(code) for code in (*range(0x180), *range(0x2000, 0x2100), *range(0x1F600, 0x1F610)) if code > 31]
    doubled = "".join(first + second for first in "-<>,`'!?[]^\"" for second in "-<>,`'!?[]^\"")
    chunks = [" ".join(letters[start : start + 60]) for start in range(0, len(letters), 60)]
    said = compiled(pdflatex, tmp_path, [latex(hostile_table(text)) for text in (HOSTILE, *chunks, doubled)])
    assert "passwd" not in said
    assert "Undefined control" not in said
    assert "/Type3" not in sizes_and_fonts(tmp_path / "all.pdf")[1]


@given(st.text(max_size=40))
@hypothesis_settings(max_examples=60, deadline=None)
def test_foreign_text_adds_no_command_and_no_brace(text: str) -> None:
    written, harmless = latex(hostile_table(text)), latex(hostile_table("x"))
    environments = [sorted(set(re.findall(r"\\(?:begin|end|input)\{[^}]*\}", one))) for one in (written, harmless)]
    assert [name.replace("table*", "table") for name in environments[0]] == environments[1]
    bare = written.replace("\\{", "").replace("\\}", "")
    assert bare.count("{") == bare.count("}")
    comments = [line for line in written.splitlines() if line.startswith("%")]
    assert "%" not in "".join(line.replace("\\%", "") for line in written.splitlines() if line not in comments)
    assert len(comments) == 2
