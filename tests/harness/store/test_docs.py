"""docs/store.md says what the code does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from latency_bench.harness.cli.results import results
from latency_bench.harness.store.archive_reader import GIB, Limits
from latency_bench.harness.store.pair_record import PairRecord
from latency_bench.harness.store.pair_samples import pair_samples_schema
from latency_bench.harness.store.record import RunRecord

PAGE = (Path(__file__).parents[3] / "docs" / "store.md").read_text(encoding="utf-8")
SECTIONS = {section.split("\n", 1)[0]: section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)}


def test_the_tables_of_columns_are_made_from_the_declarations(load_script: Callable[[str], ModuleType]) -> None:
    assert load_script("scripts/column_tables.py").with_tables(PAGE) == PAGE, "run `python scripts/column_tables.py`"


def test_the_page_has_every_field_of_a_record_and_every_command() -> None:
    for name in RunRecord.model_fields:
        assert f"`{name}`" in SECTIONS["Record"], name
    for name in results.commands:
        assert f"`bench results {name}" in SECTIONS["Commands"], name


def test_the_page_has_every_field_of_a_pair_and_every_column_of_its_samples() -> None:
    for name in {*PairRecord.model_fields} - {*RunRecord.model_fields}:
        assert f"`{name}`" in SECTIONS["Pairs"], name
    for field in pair_samples_schema():
        assert f"`{field.name}`" in SECTIONS["Pairs"], field.name


def test_the_page_has_the_limits_of_an_import() -> None:
    limits = Limits()
    assert f"{limits.total_bytes // GIB} GiB unpacked" in PAGE
    assert f"{limits.file_bytes // GIB} GiB a file" in PAGE
    assert f"{limits.files // 10**6} million files" in PAGE
