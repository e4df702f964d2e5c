from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.store import layout
from latency_bench.harness.store.errors import InvalidNameError
from latency_bench.harness.store.writer import RunWriter

STORE = Path("/srv/store")

_nasty = st.one_of(
    st.text(max_size=100),
    st.text(alphabet="./\\ab-_~:\n\0 A0", max_size=12),
    st.sampled_from(["..", ".", "", "../x", "a/../b", "/etc", "a..b", "-rf", ".git", "a\n", "a.", "x" * 81, "COM1/.."]),
)


@given(device=_nasty, model=_nasty)
def test_no_name_leads_out_of_the_store(device: str, model: str) -> None:
    try:
        folder = layout.run_folder(STORE, device, model, "20261122T101500Z-3f9a1c")
    except InvalidNameError:
        return
    assert folder.relative_to(STORE).parts == (device, model, "20261122T101500Z-3f9a1c")
    assert not {".", "..", ""} & set(folder.relative_to(STORE).parts)
    assert folder.resolve() == folder


@given(run_id=_nasty)
def test_only_run_ids_are_run_ids(run_id: str) -> None:
    assert not layout.is_run_id(run_id)
    with pytest.raises(InvalidNameError):
        layout.temporary_folder(STORE, "local", "b1-seg", run_id)


@given(name=_nasty)
def test_evidence_never_leaves_its_folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = tmp_path_factory.mktemp("store")
    with RunWriter(store, "local", "b1-seg", "20261122T101500Z-3f9a1c") as writer:
        temporary = next((store / "local" / "b1-seg").iterdir())
        try:
            writer.add_evidence(name, b"x")
        except InvalidNameError:
            assert [path.name for path in temporary.iterdir()] == [".owner"]
            return
        assert [path.name for path in (temporary / "evidence").iterdir()] == [name]
        assert layout.is_run_file(f"evidence/{name}")


@pytest.mark.parametrize("name", ["local", "b1-seg", "sr-w0.75-ffhq", "Orin_NX", "a" * 80, "7"])
def test_ordinary_names_pass(name: str) -> None:
    assert layout.checked_name(name, "device") == name


@pytest.mark.parametrize("name", ["a\n", "a" * 81, "a..b", ".a", "a.", "ä", "a b", "-a", "_a"])
def test_odd_names_are_refused_and_named(name: str) -> None:
    with pytest.raises(InvalidNameError, match="device"):
        layout.checked_name(name, "device")


@pytest.mark.parametrize(
    "relative",
    ["record.json", "samples.parquet/x", "../samples.parquet", "evidence/", "evidence/a/b", "/evidence/a", "x"],
)
def test_what_is_no_file_of_a_run(relative: str) -> None:
    assert not layout.is_run_file(relative)


def test_run_ids_sort_by_time_whatever_the_zone() -> None:
    early = datetime(2026, 11, 22, 10, 15, tzinfo=timezone.utc)
    late = (early + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=-8)))
    first, second = layout.new_run_id(early), layout.new_run_id(late)
    assert first.startswith("20261122T101500Z-")
    assert second.startswith("20261122T101501Z-")
    assert first < second
    assert layout.is_run_id(first)


def test_run_ids_of_one_second_differ() -> None:
    moment = datetime(2026, 11, 22, 10, 15, tzinfo=timezone.utc)
    assert len({layout.new_run_id(moment) for _ in range(100)}) > 95


def test_a_temporary_name_tells_its_process() -> None:
    import os

    assert layout.temporary_pid(layout.temporary_folder(STORE, "a", "b", "20261122T101500Z-3f9a1c").name) == os.getpid()
    assert layout.temporary_pid("20261122T101500Z-3f9a1c") is None
