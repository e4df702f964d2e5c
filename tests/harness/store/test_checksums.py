from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.harness.store.checksums import read_checksums
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.verify import verify_run

StoreRun = Callable[..., Path]


def _replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def test_a_run_can_be_checked_without_this_program(store_run: StoreRun) -> None:
    run = store_run()
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=run, check=True)
    _replace(run / "record.json", (run / "record.json").read_bytes() + b" ")
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=run, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "record.json: FAILED" in done.stdout


@pytest.mark.parametrize("name", ["record.json", "samples.parquet", "evidence/worker.log", "SHA256SUMS"])
def test_any_changed_byte_of_any_file_is_found(store_run: StoreRun, name: str) -> None:
    run = store_run()
    whole = (run / name).read_bytes()
    draw = random.Random(name)
    for _ in range(60):
        changed = bytearray(whole)
        changed[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        _replace(run / name, bytes(changed))
        findings = verify_run(run)
        assert findings, changed
        assert all(one.folder == run for one in findings)
    _replace(run / name, whole)
    assert verify_run(run) == []


def test_a_run_of_before_there_were_checksums_is_whole(store_run: StoreRun) -> None:
    run = store_run()
    (run / "SHA256SUMS").unlink()
    assert read_checksums(run) is None
    assert verify_run(run) == []
    content = json.loads((run / "record.json").read_text())
    _replace(run / "record.json", json.dumps(content).encode())
    assert verify_run(run) == []


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\xff\xfe", b"0" * 64 + b"  ../../etc/passwd\n", b"0" * 64 + b" record.json\n"]
)
def test_what_is_no_list_of_checksums_is_broken(store_run: StoreRun, content: bytes) -> None:
    run = store_run()
    _replace(run / "SHA256SUMS", content)
    with pytest.raises(BrokenRunError, match="SHA256SUMS"):
        read_checksums(run)
