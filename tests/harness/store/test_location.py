from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.errors import StoreLocationError
from harness.store.location import store_location


def test_the_argument_wins_over_the_environment_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_STORE", "/srv/elsewhere")
    assert store_location("/srv/given") == Path("/srv/given")
    assert store_location() == Path("/srv/elsewhere")
    monkeypatch.delenv("BENCH_STORE")
    assert store_location() == Path("results")


def test_a_file_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreLocationError, match="is a file"):
        store_location(file)


def test_an_address_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_STORE", "s3://bucket/runs")
    with pytest.raises(StoreLocationError, match=r"BENCH_STORE .*address"):
        store_location()
