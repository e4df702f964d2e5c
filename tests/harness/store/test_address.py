"""A place that fsspec opens: what is bounded in time, and what is said."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

from latency_bench.harness.store import address
from latency_bench.harness.store.errors import StoreUnreachableError


class _Unhurried:
    """A driver that takes long for whatever it is asked."""

    async_impl = True
    loop = None

    def invalidate_cache(self):
        pass

    def find(self, path, detail):
        time.sleep(1.0)
        return {f"{path}/a/b/c": {"size": 1}}

    def cat_ranges(self, *_, **__):
        time.sleep(1.0)


def test_a_list_of_all_files_may_last_where_each_of_its_requests_is_bounded(monkeypatch):
    monkeypatch.setattr(address, "ANSWER_S", 0.01)
    place = address.Address("s3://bench-runs/store")
    place._opened = _Unhurried(), "bench-runs/store"
    assert list(place.files()) == ["a/b/c"]
    with pytest.raises(StoreUnreachableError, match="does not answer within"):
        place.read("a/b/c")


def test_a_request_that_breaks_beside_others_prints_no_traceback(caplog):
    remote, _ = address.Address("s3://bench-runs/store")._remote()

    async def broken():
        raise ConnectionResetError("Cannot write to closing transport")

    async def left_alone():
        await asyncio.wait([asyncio.get_running_loop().create_task(broken())])

    asyncio.run_coroutine_threadsafe(left_alone(), remote.loop).result()
    gc.collect()
    assert "never retrieved" not in caplog.text
