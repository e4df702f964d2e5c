from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.harness.store.errors import StoreLocationError
from latency_bench.harness.store.location import store_location


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


def test_an_address_is_a_mirror_in_the_cache_folder(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    monkeypatch.setenv("BENCH_STORE", "memory://somewhere/runs")
    assert store_location().parent == own_cache / "mirrors"
    assert store_location("memory://somewhere/else") != store_location()
    assert store_location("memory://somewhere/runs/") == store_location()


def test_an_address_of_this_computer_is_the_folder(tmp_path: Path) -> None:
    assert store_location(f"file://{tmp_path}") == tmp_path


@pytest.mark.parametrize("address", ["s4://bucket/runs", "memoryx://a"])
def test_an_address_that_nothing_opens_is_refused(address: str) -> None:
    with pytest.raises(StoreLocationError, match=rf"{address} cannot be a store: Protocol not known"):
        store_location(address)
