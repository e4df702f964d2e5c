"""Stores at an address that is silent, failing, absent or damaged: a proxy before a real server that speaks S3."""

from __future__ import annotations

import shutil
import sys
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

from faulty_proxy import FaultyProxy

from latency_bench.harness.store import address, bulk_fetch, mirrors
from latency_bench.harness.store.errors import (
    NotAskedWarning,
    NotSentWarning,
    StoreAbsentError,
    StoreUnreachableError,
)
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.location import store_location
from latency_bench.harness.store.reader import run_names
from latency_bench.harness.store.verify import verify_store

StoreRun = Callable[..., Path]


@pytest.fixture
def proxy(s3_proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> FaultyProxy:
    monkeypatch.setattr(address, "AWAY_S", 0.0)
    return s3_proxy


@pytest.fixture
def url(s3_url: str) -> str:
    return s3_url


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """other_host("name"): from here on this is another computer, with mirrors of its own."""

    def become(name: str) -> None:
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path / name))
        mirrors._OPEN.clear()

    return become


@pytest.fixture
def runs(store_run: StoreRun, tmp_path: Path) -> Callable[[int], Path]:
    """runs(count): a folder with so many runs."""

    def make(count: int) -> Path:
        for number in range(count):
            store_run(run_id=f"20261122T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}Z-3f9a1c")
        return tmp_path / "store"

    return make


def _requests(proxy: FaultyProxy, work: Callable[[], object]) -> int:
    before = proxy.requests
    work()
    return proxy.requests - before


@pytest.mark.parametrize("fault", [500, 503, "refuse", "hang"])
def test_an_address_that_fails_is_asked_once_and_what_was_there_is_shown(proxy, url, runs, monkeypatch, fault):
    store = store_location(url)
    import_runs(store, runs(2))
    mirrors._OPEN.clear()
    store = store_location(url)
    run_names(store)
    mirrors._OPEN.clear()
    store = store_location(url)
    monkeypatch.setattr(address, "ANSWER_S", 0.5 if fault == "hang" else 30.0)
    monkeypatch.setattr(address, "AWAY_S", 30.0)
    proxy.fault = fault
    if fault in ("refuse", "hang"):
        proxy.cut()
    with pytest.warns(NotAskedWarning, match="Shown is what was there at 20"):
        assert _requests(proxy, lambda: [list(find_rows(store)), list(find_rows(store, device="local"))]) <= 3
    assert len(run_names(store)) == 2


def test_an_address_that_never_answered_is_no_empty_store(proxy, url):
    proxy.fault = 503
    with pytest.raises(StoreUnreachableError, match="cannot use the store at s3://"):
        run_names(store_location(url))


def test_a_bucket_that_does_not_exist_is_no_empty_store(proxy, url, runs):
    assert run_names(store_location(url)) == []
    for missing in (f"s3://no-{uuid.uuid4().hex[:12]}", f"s3://no-{uuid.uuid4().hex[:12]}/runs"):
        store = store_location(missing)
        with pytest.raises(StoreAbsentError, match="the bucket 'no-"):
            run_names(store)
        with pytest.raises(StoreAbsentError):
            verify_store(store)
        with pytest.raises(StoreAbsentError):
            mirrors.check_store(store)


def test_a_run_that_comes_in_while_the_bucket_fails_is_stored_here_and_sent_later(proxy, url, runs):
    source = runs(2)
    store = store_location(url)
    run_names(store)
    store_location(url)
    proxy.fault = 500
    mirrors.mirror_of(store)._asked.clear()
    with pytest.warns(NotSentWarning), pytest.warns(NotAskedWarning):
        assert len(import_runs(store, source).added) == 2
    mirror = mirrors.mirror_of(store)
    assert mirror is not None
    assert len(mirrors.unsent_runs()) == 2
    assert all("cannot use the store at s3://" in one.reason for one in mirror.pending())
    proxy.fault = None
    assert mirror.send_pending() == []
    assert mirrors.unsent_runs() == []


def test_a_run_that_conflicts_blocks_no_read_and_says_why(proxy, url, runs, other_host):
    source = runs(2)
    name = run_names(source)[0]
    other_host("a")
    store = store_location(url)
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    mirrors._OPEN.clear()
    import_runs(store, source)  # by a process that knows the folder only
    remote.pipe_file(f"{root}/{name}/record.json", b'{"another": "run"}')
    for _ in range(2):
        mirrors._OPEN.clear()
        store = store_location(url)
        with pytest.warns(NotSentWarning, match="1 run is stored here and not at"):
            assert len(run_names(store)) == 2
    mirror = mirrors.mirror_of(store)
    assert mirror is not None
    with pytest.warns(NotSentWarning):
        (left,) = mirror.send_pending(conflicts=True)
    assert (left.name, left.is_conflict) == (name, True)
    assert "has another run" in left.reason


@pytest.mark.parametrize("damaged", ["record.json", "samples.parquet", "evidence/worker.log"])
def test_verify_asks_the_address_and_not_its_own_copy(proxy, url, runs, damaged):
    store = store_location(url)
    import_runs(store, runs(2))
    assert verify_store(store).findings == []
    name = run_names(store)[0]
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    content = remote.cat_file(f"{root}/{name}/{damaged}")
    remote.pipe_file(f"{root}/{name}/{damaged}", bytes([content[0] ^ 1]) + content[1:])
    assert verify_store(store, cached=True).findings == []
    (found,) = verify_store(store).findings
    assert found.path.as_posix().endswith(f"{name}/{damaged}")
    remote.rm_file(f"{root}/{name}/{damaged}")
    assert any(damaged in f"{one.path} {one.problem}" for one in verify_store(store).findings)


def test_verify_of_what_the_server_has_checksums_of_fetches_nothing(proxy, url, runs):
    store = store_location(url)
    import_runs(store, runs(5))
    verify_store(store)
    assert _requests(proxy, lambda: verify_store(store)) <= 6, "listings alone, of runs and of pairs"


def test_a_first_verify_on_another_computer_takes_a_request_a_file(proxy, url, runs, other_host, monkeypatch):
    """Many at once, and of large ones no more than fit; what was fetched is not fetched again."""
    source = runs(6)
    files = sum(path.is_file() and path.name != "record.json" for path in source.rglob("*"))
    other_host("a")
    import_runs(store_location(url), source)
    monkeypatch.setattr(bulk_fetch, "TOGETHER", 7)
    for host, most_bytes in (("b", 1 << 20), ("c", 1)):
        other_host(host)
        monkeypatch.setattr(bulk_fetch, "TOGETHER_BYTES", most_bytes)
        store = store_location(url)
        run_names(store)
        requests = _requests(proxy, lambda store=store: verify_store(store))
        assert requests <= files + 6 or host == "c"
        assert _requests(proxy, lambda store=store: verify_store(store)) <= 6
        assert verify_store(store).findings == []
        assert len(list((mirrors.mirror_of(store).folder).rglob("samples.parquet"))) == 6


def test_a_copy_of_a_store_at_an_address_takes_a_request_a_file(proxy, url, runs, other_host, tmp_path):
    source = runs(6)
    files = sum(path.is_file() and path.name != "record.json" for path in source.rglob("*"))
    other_host("a")
    import_runs(store_location(url), source)
    other_host("b")
    store = store_location(url)
    run_names(store)
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    damaged, no_sums = run_names(store)[:2]
    remote.pipe_file(f"{root}/{damaged}/samples.parquet", b"other bytes")
    remote.rm_file(f"{root}/{no_sums}/SHA256SUMS")
    outcome = {}
    requests = _requests(proxy, lambda: outcome.update(vars(import_runs(tmp_path / "copy", store))))
    assert requests <= files + 20
    assert len(outcome["added"]) == 5
    assert list(outcome["refused"]) == [damaged]
    assert not (tmp_path / "copy" / no_sums / "SHA256SUMS").exists()


def test_an_upload_that_another_host_did_not_finish_is_found(proxy, url, runs, other_host):
    other_host("a")
    store = store_location(url)
    import_runs(store, runs(1))
    (name,) = run_names(store)
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    remote.rm_file(f"{root}/{name}/record.json")
    other_host("b")
    (found,) = verify_store(store_location(url)).findings
    assert "the upload was not finished" in found.problem


def test_a_first_list_takes_one_request_a_run_and_few_where_there_is_an_index(proxy, url, runs, other_host):
    count = 36
    other_host("a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_runs(store_location(url), runs(count))
    other_host("b")
    store = store_location(url)
    assert _requests(proxy, lambda: run_names(store)) <= 10
    assert len(run_names(store)) == count
    mirrors._OPEN.clear()
    assert _requests(proxy, lambda: run_names(store_location(url))) <= 5, "second call"
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    remote.rm(f"{root}/.index", recursive=True)
    other_host("c")
    store = store_location(url)
    assert _requests(proxy, lambda: run_names(store)) <= count + 8
    assert len(run_names(store)) == count
    other_host("d")
    assert _requests(proxy, lambda: run_names(store_location(url))) <= 10, "packed by the one before"


def test_many_devices_and_models_take_no_request_each(proxy, url, store_run, tmp_path, other_host):
    for number in range(36):
        store_run(run_id=f"20261122T1015{number:02d}Z-3f9a1c", device=f"device-{number % 3}", model=f"m-{number % 16}")
    source = tmp_path / "store"
    other_host("a")
    import_runs(store_location(url), source)
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    remote.pipe_file(f"{root}/device-0/m-0/20261122T101500Z-aaaaaa/samples.parquet", b"an upload under way")
    remote.pipe_file(f"{root}/device-0/notes/record.json", b"no run")
    remote.rm(f"{root}/{run_names(source)[-1]}", recursive=True)
    other_host("b")
    for call, most in (("first", 10), ("second", 5)):
        mirrors._OPEN.clear()
        store = store_location(url)
        assert _requests(proxy, lambda store=store: run_names(store)) <= most, call
        assert run_names(store) == run_names(source)[:-1]
    mirrors._OPEN.clear()
    assert _requests(proxy, lambda: run_names(store_location(url), "device-1")) <= 5
    assert run_names(store_location(url), "device-1") == run_names(source, "device-1")


@pytest.mark.parametrize("content", [b"", b"no gzip", b"\x1f\x8b\x08\x00" + bytes(40)])
def test_a_damaged_index_costs_requests_and_nothing_else(proxy, url, runs, other_host, content):
    other_host("a")
    import_runs(store_location(url), runs(8))
    remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    for path in remote.find(f"{root}/.index"):
        remote.pipe_file(path, content)
    other_host("b")
    store = store_location(url)
    assert len(run_names(store)) == 8
    assert verify_store(store).findings == []


def test_a_run_that_is_deleted_twice_is_gone_twice(proxy, url, runs, tmp_path):
    source = runs(1)
    for _ in range(2):
        mirrors._OPEN.clear()
        store = store_location(url)
        import_runs(store, source)
        (name,) = run_names(source)
        remote, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        remote.rm(f"{root}/{name}", recursive=True)
        mirrors._OPEN.clear()
        assert run_names(store_location(url)) == []
    shutil.rmtree(source)
