"""Stores at addresses: in memory, and on a real HTTP server that speaks S3."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from latency_bench.harness.store import mirrors
from latency_bench.harness.store.address_check import check_address
from latency_bench.harness.store.errors import (
    BrokenRunError,
    NotAskedWarning,
    NotSentWarning,
    StoreError,
    StoreLocationError,
)
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.layout import PAIRS_FOLDER
from latency_bench.harness.store.listing import find_rows, load_runs
from latency_bench.harness.store.location import store_location
from latency_bench.harness.store.mirror import Mirror
from latency_bench.harness.store.pair_listing import find_pairs
from latency_bench.harness.store.pair_record import parse_pair
from latency_bench.harness.store.pair_samples import PairSamples
from latency_bench.harness.store.reader import StoredPair, open_run, open_stored, run_names
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.verify import verify_store
from latency_bench.harness.store.writer import RunWriter
from tests.conftest import Bench

StoreRun = Callable[..., Path]

RUN_ID = "20261122T101500Z-3f9a1c"
NAME = f"local/b1-seg/{RUN_ID}"


@pytest.fixture(params=["memory", "s3"])
def url(request: pytest.FixtureRequest, s3_url: str) -> str:
    return s3_url if request.param == "s3" else f"memory://bench-{uuid.uuid4().hex[:12]}/runs"


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """other_host("name"): from here on this is another computer, with mirrors of its own."""

    def become(name: str) -> None:
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path / name))
        mirrors._OPEN.clear()

    return become


@pytest.fixture(autouse=True)
def _no_open_mirrors() -> Iterator[None]:
    yield
    mirrors._OPEN.clear()


def _write(store: Path, blocks: list[StageSamples], record: RunRecord) -> Path:
    with RunWriter(store, "local", "b1-seg", record.run_id) as writer:
        writer.add_evidence("worker.log", "loaded\n")
        writer.write_samples(blocks)
        return writer.commit(record)


Example = tuple[list[StageSamples], RunRecord]


@pytest.fixture
def example(store_run: StoreRun, tmp_path: Path) -> Example:
    """Samples and the record that fits them."""
    stored = open_run(tmp_path / "store", str(store_run()))
    blocks = stored.samples()
    shutil.rmtree(tmp_path / "store")
    return blocks, stored.record


Become = Callable[[str], None]


def _files(url: str) -> dict[str, bytes]:
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    found = {path.removeprefix(root).strip("/"): path for path in remote.find(root)}
    return {name: remote.cat_file(path) for name, path in found.items() if not name.startswith(".index/")}


def test_a_run_stored_here_is_whole_there_and_read_elsewhere(url: str, example: Example, other_host: Become) -> None:
    other_host("a")
    store = store_location(url)
    path = _write(store, *example)
    assert sorted(_files(url)) == [
        f"{NAME}/SHA256SUMS",
        f"{NAME}/evidence/worker.log",
        f"{NAME}/record.json",
        f"{NAME}/samples.parquet",
    ]
    assert all(content == (store / relative).read_bytes() for relative, content in _files(url).items())
    other_host("b")
    store = store_location(url)
    assert not str(path).startswith(str(store))
    assert [row["run_id"] for row in find_rows(store)] == [RUN_ID]
    assert sorted(path.name for path in (store / NAME).iterdir()) == ["record.json"]
    stored = open_run(store, "latest")
    assert sum(len(block) for block in stored.samples()) == sum(len(block) for block in example[0])
    assert (store / NAME / "samples.parquet").is_file()
    assert len(load_runs(store)) == 1


def test_verify_fetches_everything_and_finds_a_changed_byte(url: str, example: Example, other_host: Become) -> None:
    other_host("a")
    _write(store_location(url), *example)
    other_host("b")
    store = store_location(url)
    assert (verify_store(store).runs, verify_store(store).findings) == (1, [])
    other_host("c")
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    remote.pipe_file(f"{root}/{NAME}/evidence/worker.log", b"loadee\n")
    found = verify_store(store_location(url)).findings
    assert len(found) == 1
    assert "is not what was stored" in found[0].problem


def test_a_run_without_its_record_is_not_there_yet(url: str, example: Example, other_host: Become) -> None:
    other_host("a")
    _write(store_location(url), *example)
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    remote.rm(f"{root}/.index", recursive=True)
    record = remote.cat_file(f"{root}/{NAME}/record.json")
    remote.rm_file(f"{root}/{NAME}/record.json")
    other_host("b")
    assert run_names(store_location(url)) == []
    remote.pipe_file(f"{root}/{NAME}/record.json", record[:100])
    other_host("c")
    assert run_names(store_location(url)) == []  # being written
    remote.pipe_file(f"{root}/{NAME}/record.json", record)
    other_host("d")
    assert run_names(store_location(url)) == [NAME]


def test_only_what_is_asked_for_is_fetched(url: str, tmp_path: Path, store_run: StoreRun, other_host: Become) -> None:
    for number, device in enumerate(("one", "two")):
        store_run(run_id=f"2026112{number}T101500Z-3f9a1c", device=device)
    other_host("a")
    assert len(import_runs(store_location(url), tmp_path / "store").added) == 2
    other_host("b")
    store = store_location(url)
    assert [row["device"] for row in find_rows(store, device="two")] == ["two"]
    assert not (store / "one").exists()
    assert {row["device"] for row in find_rows(store)} == {"one", "two"}


def test_a_remote_store_is_imported_into_a_local_one(
    url: str, tmp_path: Path, store_run: StoreRun, other_host: Become
) -> None:
    store_run()
    other_host("a")
    import_runs(store_location(url), tmp_path / "store")
    assert import_runs(store_location(url), tmp_path / "store").present == [NAME]
    other_host("b")
    assert import_runs(tmp_path / "back", store_location(url)).added == [NAME]
    assert verify_store(tmp_path / "back").findings == []


def test_runs_that_are_gone_from_the_address_are_moved_aside_here(
    url: str, example: Example, other_host: Become
) -> None:
    other_host("a")
    _write(store_location(url), *example)
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    remote.rm(f"{root}/{NAME}", recursive=True)
    mirrors._OPEN.clear()
    store = store_location(url)
    assert run_names(store) == []
    assert (store / ".gone" / NAME / "record.json").is_file()
    assert _files(url) == {}


class _Unreachable:
    """A file system behind a link that is down."""

    def __getattr__(self, name: str) -> Any:
        def fail(*arguments: Any, **options: Any) -> Any:
            raise ConnectionError("cannot connect to memory://user:pass%21word@x/runs as user:pass%21word")

        return fail


def test_what_could_not_be_sent_is_kept_and_sent_later(example: Example) -> None:
    url = f"memory://{uuid.uuid4().hex}/runs"
    store = store_location(url)
    mirror = mirrors.mirror_of(store)
    assert mirror is not None
    works, mirror.remote._opened = mirror.remote._remote(), (_Unreachable(), "")
    with (
        pytest.warns(NotAskedWarning, match="is kept here"),
        pytest.warns(NotSentWarning, match=r"stored here and not sent yet.*results push"),
    ):
        path = _write(store, *example)
    assert path.is_dir()
    with pytest.raises(StoreError, match="cannot use the store at"):
        run_names(store)
    assert _files(url) == {}
    mirror.remote._opened, mirror.remote._away_until_s = works, 0.0
    assert run_names(store) == [NAME]
    assert f"{NAME}/record.json" in _files(url)
    assert list((store / ".pending").iterdir()) == []


def test_a_send_that_stops_at_any_file_shows_nothing_and_is_finished_later(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, record = example
    for stop_at in range(1, 5):
        url = f"memory://{uuid.uuid4().hex}/runs"
        store = store_location(url)
        mirror = mirrors.mirror_of(store)
        assert mirror is not None
        remote, _ = mirror.remote._remote()
        real, left = remote.put_file, [stop_at]

        def put_file(source: str, target: str, real: Any = real, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise TimeoutError("the link is down")
            real(source, target)

        monkeypatch.setattr(remote, "put_file", put_file, raising=False)
        with pytest.warns(NotSentWarning, match="the link is down"):
            _write(store, blocks, record)
        assert not any(name.endswith("record.json") for name in _files(url))
        mirror.remote._away_until_s = 0.0
        assert run_names(store) == [NAME]
        assert len(_files(url)) == 4


def test_what_a_process_stored_that_does_not_know_the_address_is_sent_by_the_next_that_does(
    url: str, example: Example, other_host: Become
) -> None:
    other_host("a")
    store = store_location(url)
    mirrors._OPEN.clear()
    _write(store, *example)  # by a process that knows the folder only: nothing is sent
    assert _files(url) == {}
    assert run_names(store_location(url)) == [NAME]
    assert f"{NAME}/record.json" in _files(url)


def test_passwords_are_in_no_message_and_no_file(tmp_path: Path, own_cache: Path) -> None:
    url = "memory://user:pass%21word@x/runs"
    store = store_location(url)
    mirror = mirrors.mirror_of(store)
    assert mirror is not None
    assert mirror.address == "memory://***@x/runs"
    assert mirrors.store_label(store) == "memory://***@x/runs"
    mirror.remote._opened = _Unreachable(), ""
    with pytest.raises(StoreError) as caught:
        run_names(store)
    assert "pass%21word" not in str(caught.value)
    assert caught.value.__cause__ is None
    kept = [path for path in own_cache.rglob("*") if path.is_file()]
    assert kept
    assert not any(b"pass%21word" in path.read_bytes() or "pass" in path.name for path in kept)


def test_names_at_the_address_are_not_trusted(own_cache: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}/runs"
    remote, root = fsspec.core.url_to_fs(url)
    for name in (f"../../{NAME}", f"local/..%2f/{RUN_ID}", f".hidden/b1-seg/{RUN_ID}", "local/b1-seg/no-run"):
        remote.pipe_file(f"{root}/{name}/record.json", b"{}")
    assert run_names(store_location(url)) == []


def test_a_file_that_is_missing_at_the_address_is_said(example: Example, other_host: Become) -> None:
    url = f"memory://{uuid.uuid4().hex}/runs"
    other_host("a")
    _write(store_location(url), *example)
    remote, root = fsspec.core.url_to_fs(url)
    remote.rm_file(f"{root}/{NAME}/samples.parquet")
    other_host("b")
    with pytest.raises(BrokenRunError, match="missing at memory://"):
        open_run(store_location(url), RUN_ID).samples()


@pytest.mark.parametrize("address", ["nonsense://x/y", "s3+x://a"])
def test_an_address_that_nothing_opens_is_refused(address: str) -> None:
    with pytest.raises(StoreLocationError, match="cannot be a store"):
        Mirror(address)


def test_the_command_line_works_with_an_address(
    s3_url: str, bench: Bench, tmp_path: Path, store_run: StoreRun, own_cache: Path
) -> None:
    store_run()
    environment = {"BENCH_STORE": s3_url, "BENCH_CACHE": str(own_cache)}
    imported = bench("results", "import", str(tmp_path / "store"), env=environment)
    assert imported.returncode == 0, imported.stderr
    assert f"1 run imported into {s3_url}" in imported.stdout
    listed = bench("results", "ls", "--json", env=environment)
    assert [run["run_id"] for run in listed.json()] == [RUN_ID]


def test_a_pair_at_an_address_is_read_on_another_host_and_is_no_run_there(url: str, other_host: Become) -> None:
    record = parse_pair((Path(__file__).parent / "examples" / "pair_1.json").read_bytes())
    nothing = np.empty(0, dtype=np.int64)
    part = PairSamples(0, 0, 0, True, nothing, nothing, nothing, nothing.astype(np.bool_), {})
    other_host("first")
    with RunWriter(store_location(url), "local", PAIRS_FOLDER, record.run_id) as writer:
        writer.write_pair_samples([part])
        writer.commit(record)
    other_host("second")
    store = store_location(url)
    assert run_names(store) == []
    assert [pair.record.ratios for pair in find_pairs(store)] == [record.ratios]
    found = open_stored(store, "latest")
    assert isinstance(found, StoredPair)
    assert found.samples() == []
    assert check_address(mirrors.mirror_of(store)) == []
    # Looking for runs, of all models, does not take the pairs for gone.
    assert run_names(store_location(url)) == []
    assert len(list(find_pairs(store))) == 1
