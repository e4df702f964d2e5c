from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.harness import caches
from latency_bench.harness.caches import IN_USE_S, Cached, everything_cached, remove, superfluous
from latency_bench.harness.export.cache import ArtifactCache
from latency_bench.harness.store.mirror import Mirror
from latency_bench.harness.store.mirrors import announce
from latency_bench.harness.store.quarantine import set_aside
from latency_bench.harness.store.verify import verify_store

NOW_S = 1_800_000_000.0
DAY_S = 86400.0
RUN_ID = "20261122T101500Z-3f9a1c"


def _cached(name: str, age_days: float, size_bytes: int = 100) -> Cached:
    return Cached("engine", name, (), size_bytes, NOW_S - age_days * DAY_S)


def _names(found: list[Cached]) -> list[str]:
    return [one.name for one in found]


def test_what_is_old_goes_and_then_the_least_recently_used_until_it_fits() -> None:
    cached = [_cached(name, age) for name, age in (("a", 40), ("b", 10), ("c", 5), ("d", 1))]
    assert _names(superfluous(cached, 30 * DAY_S, None, NOW_S)) == ["a"]
    assert _names(superfluous(cached, None, 250, NOW_S)) == ["a", "b"]
    assert _names(superfluous(cached, 30 * DAY_S, 150, NOW_S)) == ["a", "b", "c"]
    assert _names(superfluous(cached, None, 400, NOW_S)) == []
    assert _names(superfluous(cached, None, 0, NOW_S)) == ["a", "b", "c", "d"]


def test_what_may_be_in_use_stays_even_where_it_does_not_fit() -> None:
    cached = [_cached("old", 2), _cached("new", IN_USE_S / DAY_S / 2)]
    assert _names(superfluous(cached, 0.0, 0, NOW_S)) == ["old"]


def test_a_clock_that_was_set_back_makes_nothing_old() -> None:
    assert superfluous([_cached("from the future", -400)], 1.0, 0, NOW_S) == []


@pytest.fixture
def full(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with one of everything, unused for ten days."""
    monkeypatch.setenv("BENCH_ENGINES", str(own_cache / "engines"))
    export = own_cache / "exports" / "abc"
    export.mkdir(parents=True)
    manifest = {"files": {"model.onnx": {"size_bytes": 7}}, "made_from": {"spec": {"id": "b1-seg"}}}
    (export / "manifest.json").write_text(json.dumps(manifest))
    (export / "last-used").write_text("")
    (export / "model.onnx").write_text("content")
    (own_cache / "broken" / "abc.1").mkdir(parents=True)
    for name in ("key.engine", "key.json", "key.timings"):
        (own_cache / "engines").mkdir(exist_ok=True)
        (own_cache / "engines" / name).write_text("12345")
    (own_cache / "index").mkdir()
    (own_cache / "index" / "store.sqlite").write_text("index")
    mirror = Mirror("memory://caches/runs")
    for device in ("sent", "pending"):
        run = mirror.folder / device / "b1-seg" / (RUN_ID if device == "sent" else RUN_ID.replace("3f", "4f"))
        run.mkdir(parents=True)
        (run / "record.json").write_text("{}")
        if device == "pending":
            announce(run)
    _age(own_cache, 10)
    return own_cache


def _age(folder: Path, days: float) -> None:
    moment = time.time() - days * DAY_S
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (moment, moment))


def test_everything_is_found_with_its_size_and_age(full: Path) -> None:
    found = {(one.kind, one.name.rpartition("/")[2]): one for one in everything_cached()}
    assert {key: one.size_bytes for key, one in found.items() if key[0] in ("export", "engine", "index file")} == {
        ("export", "abc"): 7,
        ("engine", "key"): 15,
        ("index file", "store"): 5,
    }
    assert set(found) >= {("damaged export", "abc.1"), ("mirrored run", RUN_ID)}
    assert len(found) == 5  # the run that is not sent yet is the only copy, and no cache
    assert all(9 * DAY_S < time.time() - one.last_used_s < 11 * DAY_S for one in found.values())


def test_removing_takes_the_thing_and_nothing_else(full: Path) -> None:
    for one in everything_cached():
        assert remove(one)
        assert not any(path.exists() for path in one.paths)
    assert everything_cached() == []
    left = {path.name for path in full.rglob("*") if path.is_file() and "lock" not in path.name}
    assert left == {".address", "record.json", RUN_ID.replace("3f", "4f")}


def test_what_was_set_aside_goes_by_its_age_alone(own_cache: Path, store_run: Callable[..., Path]) -> None:
    runs = [store_run(run_id=f"20261122T10150{second}Z-3f9a1c") for second in range(3)]
    store = runs[0].parents[2]
    for run in runs[:2]:
        (run / "samples.parquet").unlink()
    old, new = set_aside(store, verify_store(store).findings).values()
    assert superfluous(everything_cached(store), 2 * IN_USE_S, None) == [], (
        "set aside a moment ago, however old the run"
    )
    os.utime(old, (0, 0))
    assert superfluous(everything_cached(store), None, 0) == [], "nothing of it is too large"
    (one,) = superfluous(everything_cached(store), 30 * DAY_S, None)
    assert remove(one)
    assert not old.exists()
    assert new.is_dir()
    assert runs[2].is_dir()
    assert everything_cached() != everything_cached(store), "and only of a store that is named"


def test_an_export_that_is_being_made_stays(full: Path) -> None:
    export = next(one for one in everything_cached() if one.kind == "export")
    with ArtifactCache().lock("abc"):
        assert not remove(export)
    assert export.paths[0].is_dir()


def test_what_cannot_be_removed_is_not_said_to_be(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        raise PermissionError(folder)

    monkeypatch.setattr(caches, "_remove_folder", fail)
    assert not remove(next(one for one in everything_cached() if one.kind == "mirrored run"))


def test_no_cache_is_nothing_cached(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_ENGINES", str(own_cache / "engines"))
    assert everything_cached() == []
