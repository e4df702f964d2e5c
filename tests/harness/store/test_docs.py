"""docs/store.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from latency_bench.harness.cli.results import results
from latency_bench.harness.store.archive_reader import GIB, Limits
from latency_bench.harness.store.parquet_export import SAMPLE_COLUMNS, runs_schema
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.run_table import COLUMNS

PAGE = (Path(__file__).parents[3] / "docs" / "store.md").read_text(encoding="utf-8")
SECTIONS = {section.split("\n", 1)[0]: section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)}


def _documented(section: str) -> dict[str, str]:
    return dict(
        re.findall(r"^\| `([a-z0-9_]+)` \| [a-z0-9_<>\[\], =UTCms]+ \| (.+) \|$", SECTIONS[section], re.MULTILINE)
    )


@pytest.mark.parametrize(("section", "columns"), [("Run table", COLUMNS), ("Samples", SAMPLE_COLUMNS)])
def test_the_page_has_every_column_with_its_meaning_in_order(section: str, columns: dict[str, str]) -> None:
    assert list(_documented(section).items()) == list(columns.items())


def test_the_page_has_the_types_of_the_file() -> None:
    for field in runs_schema():
        kind = str(field.type).replace("element: ", "").replace("item: ", "")
        assert f"| `{field.name}` | {kind} |" in PAGE


def test_the_page_has_every_field_of_a_record_and_every_command() -> None:
    for name in RunRecord.model_fields:
        assert f"`{name}`" in SECTIONS["Record"], name
    for name in results.commands:
        assert f"`bench results {name}" in SECTIONS["Commands"], name


def test_the_page_has_the_limits_of_an_import() -> None:
    limits = Limits()
    assert f"{limits.total_bytes // GIB} GiB unpacked" in PAGE
    assert f"{limits.file_bytes // GIB} GiB a file" in PAGE
    assert f"{limits.files // 10**6} million files" in PAGE
