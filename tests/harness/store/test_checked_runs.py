"""What was checked before is only hashed, and any change of it is found all the same."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.harness.store import checked_runs, verify
from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.checked_runs import checked_folder
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.verify import verify_store


@pytest.fixture
def run(store_run: Callable[..., Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a store in which everything was checked."""
    monkeypatch.setattr(checked_runs, "WORTH_KNOWING", 1)
    folder = store_run()
    assert verify_store(folder.parents[2]).findings == []
    return folder


def _replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _flip(path: Path) -> None:
    content = path.read_bytes()
    _replace(path, bytes([content[0] ^ 1]) + content[1:])


def _samples_that_the_sums_vouch_for(run: Path) -> None:
    _flip(run / "samples.parquet")
    lines = (run / "SHA256SUMS").read_text().splitlines()
    digest = hashlib.sha256((run / "samples.parquet").read_bytes()).hexdigest()
    changed = [f"{digest}  samples.parquet" if line.endswith("  samples.parquet") else line for line in lines]
    _replace(run / "SHA256SUMS", "".join(f"{line}\n" for line in changed).encode())


def _as_link(path: Path) -> None:
    elsewhere = path.parents[4] / "elsewhere"
    shutil.copyfile(path, elsewhere)
    path.unlink()
    path.symlink_to(elsewhere)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "samples": lambda run: _flip(run / "samples.parquet"),
    "record": lambda run: _flip(run / "record.json"),
    "log": lambda run: _flip(run / "evidence" / "worker.log"),
    "sums": lambda run: _flip(run / "SHA256SUMS"),
    "samples and sums": _samples_that_the_sums_vouch_for,
    "no log": lambda run: (run / "evidence" / "worker.log").unlink(),
    "no record": lambda run: (run / "record.json").unlink(),
    "one file more": lambda run: (run / "more.txt").write_text("more"),
    "a link": lambda run: _as_link(run / "samples.parquet"),
    "another place": lambda run: run.rename(run.with_name("20261122T101500Z-000000")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_checked_and_then_changed_is_found(run: Path, damage: str) -> None:
    store = run.parents[2]
    DAMAGES[damage](run)
    assert verify_store(store).findings
    (changed,) = run.parent.iterdir()
    if damage != "another place":  # an archive puts it where it belongs
        with pytest.raises(BrokenRunError):
            write_archive([changed], store.parent / "runs.tar")


def test_only_hashes_are_looked_at_again(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = run.parents[2]
    write_archive([run], tmp_path / "first.tar")
    monkeypatch.setattr(verify, "open_folder", lambda folder: pytest.fail("read again"))
    assert verify_store(store).findings == []
    write_archive([run], tmp_path / "second.tar")
    assert (tmp_path / "second.tar").read_bytes() == (tmp_path / "first.tar").read_bytes()
    assert import_runs(tmp_path / "copy", tmp_path / "first.tar").added == ["local/b1-seg/20261122T101500Z-3f9a1c"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"0" * 64, b"\n" * 100])
def test_a_damaged_list_costs_time_and_nothing_else(run: Path, content: bytes) -> None:
    (file,) = checked_folder().iterdir()
    known = file.read_bytes().split()
    file.write_bytes(content)
    assert verify_store(run.parents[2]).findings == []
    if content != b"\xff\xfe":
        assert set(known) <= set(file.read_bytes().split())


def test_a_list_that_cannot_be_written_harms_nobody(run: Path) -> None:
    shutil.rmtree(checked_folder())
    checked_folder().write_text("no folder")
    assert verify_store(run.parents[2]).findings == []
