from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.store.findings import Finding
from latency_bench.harness.store.sample_table import StageSamples, read_samples, samples_to_parquet
from latency_bench.harness.store.verify import verify_run, verify_store
from latency_bench.harness.store.writer import RunWriter

StoreRun = Callable[..., Path]

RUN_ID = "20261122T101500Z-3f9a1c"


def _replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _edit(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((run / "record.json").read_text())
    change(content)
    _replace(run / "record.json", json.dumps(content).encode())
    (run / "SHA256SUMS").unlink(missing_ok=True)


def _replace_samples(run: Path, blocks: list[StageSamples]) -> None:
    """Other samples, with a record that vouches for the file: only their content can give it away."""
    import hashlib

    data = samples_to_parquet(blocks)
    _replace(run / "samples.parquet", data)
    file = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    _edit(run, lambda content: content["files"].update({"samples.parquet": file}))


def _only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    assert findings[0].remedy
    return findings[0]


def test_a_whole_store_has_no_findings(tmp_path: Path, store_run: StoreRun) -> None:
    store_run()
    store_run(run_id="20261122T101501Z-000000", device="orin", failed=True)
    (tmp_path / "store" / "README.md").write_text("about these runs")
    result = verify_store(tmp_path / "store")
    assert (result.runs, result.findings) == (2, [])


@pytest.mark.parametrize("relative", ["samples.parquet", "evidence/worker.log"])
def test_a_changed_byte_is_found(store_run: StoreRun, relative: str) -> None:
    run = store_run()
    content = bytearray((run / relative).read_bytes())
    content[len(content) // 2] ^= 1
    _replace(run / relative, bytes(content))
    finding = _only(verify_run(run))
    assert finding.path == run / relative
    assert "SHA-256 differs" in finding.problem


@pytest.mark.parametrize("relative", ["samples.parquet", "evidence/worker.log"])
def test_a_truncated_and_a_missing_file_are_found(store_run: StoreRun, relative: str) -> None:
    run = store_run()
    _replace(run / relative, (run / relative).read_bytes()[:-3])
    assert "bytes, the record says" in _only(verify_run(run)).problem
    (run / relative).unlink()
    assert "missing" in _only(verify_run(run)).problem


def test_a_file_too_many_is_found(store_run: StoreRun) -> None:
    run = store_run()
    (run / "evidence" / "more.log").write_text("")
    finding = _only(verify_run(run))
    assert (finding.path.name, "does not know" in finding.problem) == ("more.log", True)


def test_a_link_is_found_even_with_the_right_content(store_run: StoreRun, tmp_path: Path) -> None:
    run = store_run()
    shutil.move(run / "evidence" / "worker.log", tmp_path / "worker.log")
    (run / "evidence" / "worker.log").symlink_to(tmp_path / "worker.log")
    assert "not an ordinary file" in _only(verify_run(run)).problem


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"schema_version": 7}'])
def test_a_broken_record_is_found(store_run: StoreRun, tmp_path: Path, content: bytes) -> None:
    run = store_run()
    (run / "SHA256SUMS").unlink()
    _replace(run / "record.json", content)
    assert "record" in _only(verify_store(tmp_path / "store").findings).problem


def test_a_run_without_a_record_is_found(store_run: StoreRun, tmp_path: Path) -> None:
    run = store_run()
    (run / "record.json").unlink()
    result = verify_store(tmp_path / "store")
    assert result.runs == 1
    assert "cannot be read" in _only(result.findings).problem


def test_samples_that_are_not_those_of_the_summary_are_found(store_run: StoreRun) -> None:
    run = store_run()
    blocks = read_samples(run / "samples.parquet")
    short = blocks[1]
    cut = StageSamples(short.round, short.warmup, short.start_ns[:-1], short.latency_ns[:-1])
    _replace_samples(run, [blocks[0], cut, *blocks[2:]])
    assert any("round 0, sampling: 39 samples, the record says 40" in one.problem for one in verify_run(run))
    _replace_samples(run, blocks[1:])
    assert "round 0, warm-up: 0 samples, the record says 5" in _only(verify_run(run)).problem
    slower = StageSamples(short.round, short.warmup, short.start_ns, short.latency_ns + 50_000_000)
    _replace_samples(run, [blocks[0], slower, *blocks[2:]])
    assert "the summary says" in _only(verify_run(run)).problem


def test_a_number_without_samples_is_found(store_run: StoreRun) -> None:
    run = store_run()
    (run / "samples.parquet").unlink()
    _edit(run, lambda content: content["files"].pop("samples.parquet"))
    assert "was computed from are missing" in _only(verify_run(run)).problem


def test_a_run_in_the_wrong_place_is_found_in_a_store_only(store_run: StoreRun, tmp_path: Path) -> None:
    run = store_run()
    moved = tmp_path / "store" / "orin" / "b1-seg" / RUN_ID
    shutil.copytree(run, moved)
    assert "not where it lies" in _only(verify_store(tmp_path / "store").findings).problem
    assert verify_run(moved) == []


def test_strangers_are_found_and_links_not_followed(store_run: StoreRun, tmp_path: Path) -> None:
    run = store_run()
    elsewhere = shutil.copytree(run, tmp_path / "elsewhere")
    (run.parent / "20261122T101500Z-ffffff").symlink_to(elsewhere)
    (run.parent.parent / "notes.txt").write_text("")
    result = verify_store(tmp_path / "store")
    assert result.runs == 1
    assert sorted(one.path.name for one in result.findings) == ["20261122T101500Z-ffffff", "notes.txt"]


def test_a_torn_run_is_found_only_once_its_writer_is_dead(tmp_path: Path) -> None:
    with RunWriter(tmp_path, "local", "b1-seg", RUN_ID) as writer:
        writer.add_evidence("a.log", "x")
        assert verify_store(tmp_path).findings == []
        temporary = next((tmp_path / "local" / "b1-seg").iterdir())
        # As a writer that was killed leaves it; the process id in its name is alive, but it is no writer any more.
        torn = temporary.with_name(f".tmp-20261122T101501Z-000000-{os.getpid()}")
        shutil.copytree(temporary, torn)
        finding = _only(verify_store(tmp_path).findings)
    assert finding.path == torn
    assert "writer died" in finding.problem


def test_a_torn_run_without_an_owner_goes_by_the_process_id_in_its_name(tmp_path: Path) -> None:
    dead_pid = int(subprocess.check_output([sys.executable, "-c", "import os; print(os.getpid())"]))
    (tmp_path / "local" / "b1-seg" / f".tmp-{RUN_ID}-{dead_pid}").mkdir(parents=True)
    (tmp_path / "local" / "b1-seg" / f".tmp-{RUN_ID}-{os.getpid()}").mkdir()
    assert _only(verify_store(tmp_path).findings).path.name.endswith(f"-{dead_pid}")


def test_a_torn_run_of_another_host_is_not_called_dead(tmp_path: Path) -> None:
    temporary = tmp_path / "local" / "b1-seg" / f".tmp-{RUN_ID}-999999"
    temporary.mkdir(parents=True)
    (temporary / ".owner").write_text(f"not-{socket.gethostname()}")
    assert "another host" in _only(verify_store(tmp_path).findings).problem
