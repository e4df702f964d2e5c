"""A cache entry is there whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.export.artifact import Artifact
from latency_bench.harness.export.cache import ArtifactCache, BrokenCacheEntryWarning
from latency_bench.harness.export.errors import CacheError
from latency_bench.harness.export.key import sha256_of

KEY = "ab" * 32


@pytest.fixture
def cache(tmp_path: Path) -> ArtifactCache:
    return ArtifactCache(tmp_path / "cache")


def add(cache: ArtifactCache, key: str = KEY, content: bytes = b"model") -> Artifact:
    with cache.lock(key), cache.writing() as directory:
        (directory / "model.onnx").write_bytes(content)
        (directory / "model.onnx.data").write_bytes(b"weights")
        (directory / "reference.npz").write_bytes(b"outputs")
        (directory / "reference-image.npz").write_bytes(b"outputs for an image")
        (directory / "check-image.bin").write_bytes(b"pixels")
        tensor = {"name": "image", "shape": [1, 3, 8, 8], "dtype": "float32", "layout": "NCHW"}
        described: dict[str, Any] = {
            "path": "model.onnx",
            "format": "onnx",
            "sha256": sha256_of(directory / "model.onnx"),
            "size_bytes": len(content) + 7,
            "inputs": [tensor],
            "outputs": [{**tensor, "name": "scores"}],
            "reference": "reference.npz",
            "check_references": {"image": "reference-image.npz"},
            "check_image": "check-image.bin",
            "external_data": ["model.onnx.data"],
            "facts": {"opset": 13},
        }
        return cache.commit(key, directory, described, {"spec": {"id": "tiny"}})


def test_what_was_committed_is_found(cache: ArtifactCache) -> None:
    assert cache.find(KEY) is None
    added = add(cache)
    found = cache.find(KEY)
    assert found == added
    assert found is not None
    assert found.path.read_bytes() == b"model"
    assert found.external_data[0].read_bytes() == b"weights"
    assert found.outputs[0].shape == (1, 3, 8, 8)
    assert found.check_references["image"].read_bytes() == b"outputs for an image"
    assert found.check_image is not None
    assert found.check_image.read_bytes() == b"pixels"
    assert not list(cache.partial.iterdir())
    assert Artifact.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    "name",
    ["model.onnx", "model.onnx.data", "reference.npz", "reference-image.npz", "check-image.bin", "manifest.json"],
)
@pytest.mark.parametrize("damage", ["changed", "shorter", "missing"])
def test_a_damaged_entry_is_set_aside(cache: ArtifactCache, name: str, damage: str) -> None:
    path = add(cache).path.with_name(name)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:] if damage == "changed" else content[:-3])
    with pytest.warns(BrokenCacheEntryWarning, match=KEY):
        assert cache.find(KEY) is None
    assert not (cache.exports / KEY).exists()
    assert [entry.name.startswith(KEY) for entry in cache.broken.iterdir()] == [True]
    add(cache)
    assert cache.find(KEY) is not None


def test_a_manifest_cannot_point_outside_its_entry(cache: ArtifactCache, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_bytes(b"model")
    manifest_path = add(cache).path.with_name("manifest.json")
    manifest = json.loads(manifest_path.read_text())
    manifest["files"]["../../../secret"] = manifest["files"].pop("model.onnx")
    manifest["artifact"]["path"] = "../../../secret"
    manifest_path.write_text(json.dumps(manifest))
    with pytest.warns(BrokenCacheEntryWarning, match="plain name of a file"):
        assert cache.find(KEY) is None


@pytest.mark.parametrize("error", [RuntimeError("failed"), KeyboardInterrupt()])
def test_nothing_is_left_of_an_export_that_failed(cache: ArtifactCache, error: BaseException) -> None:
    def fail() -> None:
        with cache.lock(KEY), cache.writing() as directory:
            (directory / "model.onnx").write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert not list(cache.partial.iterdir())
    assert cache.find(KEY) is None


def test_only_one_process_holds_the_lock(cache: ArtifactCache) -> None:
    code = (
        "import sys\n"
        "from latency_bench.harness.export.cache import ArtifactCache\n"
        "def waiting(): print('waiting', flush=True)\n"
        f"with ArtifactCache(sys.argv[1]).lock({KEY!r}, waiting): print('held', flush=True)\n"
    )
    with cache.lock(KEY):
        other = subprocess.Popen([sys.executable, "-c", code, str(cache.directory)], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
        assert other.poll() is None
    assert other.communicate(timeout=120)[0] == "held\n"


def test_entries_know_when_they_were_last_used(cache: ArtifactCache) -> None:
    keys = ["a" * 64, "b" * 64]
    for age_s, key in zip((100, 200), keys, strict=True):
        add(cache, key)
        moment = time.time() - age_s
        os.utime(cache.exports / key / "last-used", (moment, moment))
    assert [entry.key for entry in cache.entries()] == keys[::-1]
    cache.find(keys[1])
    assert [entry.key for entry in cache.entries()] == keys
    assert cache.entries()[0].model == "tiny"
    assert cache.entries()[0].size_bytes == len(
        b"model" + b"weights" + b"outputs" + b"outputs for an image" + b"pixels"
    )


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"BENCH_CACHE": "/chosen", "XDG_CACHE_HOME": "/xdg"}, "/chosen"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/bench"),
        ({}, "/home/someone/.cache/bench"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of Unix")
def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    for name in ("BENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_errors_of_the_file_system_say_what_to_do(cache: ArtifactCache, tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=r"no space left.*BENCH_CACHE"), cache.writing():
        raise OSError(errno.ENOSPC, "No space left on device")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheError, match="BENCH_CACHE"), ArtifactCache(tmp_path / "file" / "cache").lock(KEY):
        pass
