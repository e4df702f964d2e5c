"""Example runs for the tests of the store and of the commands that read it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).parent))

from faulty_proxy import FaultyProxy
from stored_lab import Lab

from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.writer import RunWriter

RUN_ID = "20261122T101500Z-3f9a1c"
MakeRecord = Callable[..., RunRecord]
StoreRun = Callable[..., Path]


def example_blocks(rounds: int = 3, count: int = 40, warmup: int = 5) -> list[StageSamples]:
    """Latencies around 250 ms as a CPU runtime gives them, d2h not measured in any."""
    random = np.random.default_rng(7)
    blocks = []
    for index in range(rounds):
        for warm, n in ((True, warmup), (False, count)):
            compute = random.integers(240_000_000, 250_000_000, n)
            h2d = random.integers(3_000_000, 3_500_000, n)
            latency = compute + h2d + 700_000
            start = np.concatenate([[0], np.cumsum(latency)[:-1]])
            columns = {"start_ns": start, "latency_ns": latency, "h2d_ns": h2d, "compute_ns": compute}
            blocks.append(StageSamples.of(index, warm, columns))
    return blocks


def _estimate(arrays: list[np.ndarray]) -> dict[str, Any]:
    pooled_ms, medians = np.concatenate(arrays) / 1e6, [float(np.median(array)) / 1e6 for array in arrays]
    median = float(np.median(medians))
    return {
        "median_ms": median,
        "low_ms": median - 1.5,
        "high_ms": median + 1.25,
        "confidence": 0.95,
        "n": int(pooled_ms.size),
        "n_effective": 88,
        "rounds": len(arrays),
        "basis": f"{len(arrays)} rounds (t interval)",
        "min_ms": float(pooled_ms.min()),
        "max_ms": float(pooled_ms.max()),
        "mean_ms": float(pooled_ms.mean()),
        "std_ms": float(pooled_ms.std(ddof=1)),
        "round_medians_ms": medians,
    }


def example_content(blocks: list[StageSamples] | None = None, **changes: Any) -> dict[str, Any]:
    """Keyword arguments of a done run's record that fits `blocks`."""
    blocks = example_blocks() if blocks is None else blocks
    sampled = [block for block in blocks if not block.warmup]
    latency = _estimate([block.latency_ns for block in sampled])
    moment = datetime(2026, 11, 22, 10, 15, tzinfo=timezone.utc)
    content: dict[str, Any] = {
        "run_id": RUN_ID,
        "status": "done",
        "started_at": moment,
        "ended_at": moment.replace(minute=16, second=31),
        "command": ["bench", "run", "--device", "local", "--model", "b1-seg", "--note", "it's $HOME"],
        "model": {
            "id": "b1-seg",
            "title": "EfficientViT-B1, Cityscapes",
            "spec": {"id": "b1-seg", "inputs": [{"name": "image", "shape": [3, 1024, 2048]}]},
            "resolution": [1024, 2048],
            "batch": 1,
            "precision": "fp32",
            "weights": {"seed": 0},
            "params": 4_817_235,
            "macs": 27_400_000_000,
        },
        "artifact": {"format": "tflite", "sha256": "ab" * 32, "size_bytes": 19_300_000, "facts": {"transposes": 4}},
        "device": {
            "name": "local",
            "transport": "local",
            "runner": "worker",
            "fingerprint": {
                "cpu": {"model": "Intel(R) Xeon(R) Processor", "logical_cpus": 2, "caches": {"L1 data": "48K"}},
                "memory_total_bytes": 50_000_000_000,
                "virtualised": "virtual machine (KVM)",
                "load_average_1min": 0.12,
            },
        },
        "runtime": {
            "name": "litert",
            "version": "2.1.2",
            "options": {"threads": 2},
            "facts": {"delegates": ["XNNPACK"], "partitions": 1},
        },
        "protocol": {"name": "standard", "rounds": 3, "warmup": {"min_count": 5, "min_s": 1.0}},
        "rounds": [
            {
                "index": block.round,
                "order_position": position,
                "pid": 4000 + position,
                "seed": 0,
                "started_at": moment,
                "steady": True,
                "stopped_by": "interval",
                "warmup_count": sum(len(one) for one in blocks if one.warmup and one.round == block.round),
                "sample_count": len(block),
                "timer_resolution_ns": 41,
                "loop_overhead_ns": 310.5,
                "peak_rss_bytes": 812_000_000 + position,
                "involuntary_context_switches": 3,
                "facts": {"cpus": [0, 1]},
            }
            for position, block in enumerate(sampled)
        ],
        "summary": {
            "latency": latency,
            "phases": {
                "h2d": _estimate([block.h2d_ns for block in sampled if block.h2d_ns is not None]),
                "compute": _estimate([block.compute_ns for block in sampled if block.compute_ns is not None]),
            },
            "percentiles": {"p90": {"value_ms": latency["max_ms"]}, "p99": {"missing": 542}},
            "throughput": {"img_s": 1e3 / latency["median_ms"]},
            "peak_rss_bytes": 812_000_002,
        },
        "fidelity": {
            "passed": True,
            "metrics": {"logits": {"max_abs": 1.2e-5, "cosine": 0.9999999, "psnr_db": float("inf")}},
            "tolerance": {"max_rel": 1e-3},
        },
        "flags": [
            {
                "name": "foreign-load",
                "severity": "warning",
                "text": "Another process used 40 % of a core.",
                "remedy": "Stop it and measure again.",
            },
            {"name": "virtualised", "severity": "info", "text": "The machine is virtual."},
        ],
        "verdicts": {"throttled": "unknown", "clocks_locked": "no"},
        "software": {"python": "3.11.7", "packages": {"numpy": "2.4.6"}, "git_commit": "c0ffee", "git_dirty": True},
    }
    return {**content, **changes}


def failed_content(**changes: Any) -> dict[str, Any]:
    """Keyword arguments of a failed run's record."""
    nothing: dict[str, Any] = {"status": "failed", "summary": None, "rounds": [], "fidelity": None}
    failure = {
        "stage": "measure",
        "kind": "worker-died",
        "message": "the worker was killed (signal 9)",
        "remedy": "Too little memory? Try a smaller --resolution.",
    }
    return {**example_content(), **nothing, "failure": failure, **changes}


@pytest.fixture
def make_record() -> MakeRecord:
    """make_record(**changes): a done run's record; make_record(failed=True): a failed one's."""

    def make(blocks: list[StageSamples] | None = None, failed: bool = False, **changes: Any) -> RunRecord:
        return RunRecord(**(failed_content(**changes) if failed else example_content(blocks, **changes)))

    return make


@pytest.fixture
def new_lab(tmp_path, make_record):
    """new_lab("name"): an empty store of that name."""
    return lambda name: Lab(tmp_path / name, make_record)


@pytest.fixture
def lab(new_lab) -> Lab:
    return new_lab("store")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, so that indexes of stores that are soon gone do not fill the user's."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB; skips where none can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("no permission to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def store_run(tmp_path: Path, own_cache: Path) -> StoreRun:
    """store_run(**changes): write an example run into tmp_path/store and return its folder."""

    def write(
        run_id: str = RUN_ID, device: str = "local", model: str = "b1-seg", failed: bool = False, **changes: Any
    ) -> Path:
        blocks = example_blocks()
        content = (
            failed_content(run_id=run_id, **changes) if failed else example_content(blocks, run_id=run_id, **changes)
        )
        content["device"] = {**content["device"], "name": device}
        content["model"] = {**content["model"], "id": model}
        with RunWriter(tmp_path / "store", device, model, run_id) as writer:
            writer.add_evidence("worker.log", "loaded in 0.3 s\n")
            if not failed:
                writer.write_samples(blocks)
            return writer.commit(RunRecord(**content))

    return write


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[FaultyProxy]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with FaultyProxy(*server.get_host_and_port()) as proxy:
        yield proxy
    server.stop()


@pytest.fixture
def s3_proxy(_s3_server: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """The link to a real server that speaks S3, on this computer; without faults at first."""
    import fsspec

    from latency_bench.harness.store import mirrors

    s3 = fsspec.get_filesystem_class("s3")
    s3.clear_instance_cache()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{_s3_server.port}"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    yield _s3_server
    _s3_server.fault, _s3_server.delay_s = None, 0.0
    mirrors._OPEN.clear()
    s3.clear_instance_cache()


@pytest.fixture
def s3_url(s3_proxy: FaultyProxy) -> str:
    """The address of a store in a new bucket."""
    import fsspec

    bucket = f"bench-{uuid.uuid4().hex[:12]}"
    fsspec.filesystem("s3", use_listings_cache=False).mkdir(bucket)
    return f"s3://{bucket}/runs"
