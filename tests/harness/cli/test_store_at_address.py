"""Commands on a store at an address that fails, or that does not exist: exit codes, and what is said."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from faulty_proxy import FaultyProxy

from latency_bench.harness.store.reader import run_names
from tests.conftest import Bench


def test_what_was_not_sent_is_shown_with_its_reason_and_sent_by_push(
    s3_proxy: FaultyProxy, s3_url: str, bench: Bench, store_run: Callable[..., Path], tmp_path: Path, own_cache: Path
) -> None:
    environment = {"BENCH_STORE": s3_url, "BENCH_CACHE": str(own_cache)}
    store_run()
    store_run(run_id="20261122T101501Z-3f9a1c")
    source = tmp_path / "store"
    assert bench("results", "ls", env=environment).returncode == 0
    s3_proxy.fault = 503
    stored = bench("results", "import", str(source), env=environment)
    assert stored.returncode == 1
    assert "`bench results push` sends them" in stored.stderr
    assert "Traceback" not in stored.stderr
    left = bench("results", "push", "--json", env=environment)
    assert (left.returncode, left.json()["sent"]) == (1, 0)
    assert sorted(one["run"] for one in left.json()["pending"]) == sorted(run_names(source))
    assert all("cannot use the store at s3://" in one["reason"] for one in left.json()["pending"])

    s3_proxy.fault = None
    remote, root = fsspec.core.url_to_fs(s3_url, use_listings_cache=False)
    conflicting, other = run_names(source)
    remote.pipe_file(f"{root}/{conflicting}/record.json", b'{"another": "run"}')
    pushed = bench("results", "push", env=environment)
    assert pushed.returncode == 1
    assert f"{conflicting}: " in pushed.stdout
    assert "has another run" in pushed.stdout
    assert "1 run sent to" in pushed.stdout
    assert remote.exists(f"{root}/{other}/record.json")

    remote.rm_file(f"{root}/{conflicting}/record.json")
    pushed = bench("results", "push", "--json", env=environment)
    assert (pushed.returncode, pushed.json()) == (0, {"sent": 1, "pending": []})


@pytest.mark.parametrize("words", [("results", "ls"), ("results", "verify"), ("results", "push")])
def test_a_misspelt_bucket_is_an_error_and_no_empty_store(
    s3_proxy: FaultyProxy, bench: Bench, own_cache: Path, words: tuple[str, ...]
) -> None:
    missing = f"s3://no-{uuid.uuid4().hex[:12]}/runs"
    done = bench(*words, "--store", missing, env={"BENCH_CACHE": str(own_cache)})
    assert done.returncode == 2
    assert "the bucket 'no-" in done.stderr
    assert "Traceback" not in done.stderr
