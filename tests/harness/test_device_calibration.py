"""`bench devices calibrate`: subjects grow and shrink as they should, run for real, and give the roofline's peaks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from latency_bench.harness import device_calibration
from latency_bench.harness.cli.devices import devices
from latency_bench.harness.device_calibration import calibrate
from latency_bench.harness.store.listing import load_runs
from latency_bench.harness.store.reader import run_paths
from latency_bench.model_specs.calibration_specs import CONVOLUTIONS, PRODUCTS, SUMS
from latency_bench.reports.roofline import find_peaks

PROTOCOL = """\
name: brief
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 3, min_s: 0, max_s: 1, window: 0}
sampling: {min_count: 5, max_count: 5, min_s: 0, max_s: 5, relative_interval: null}
"""


@dataclass
class MadeUpDevice:
    """Stands in for the pipeline: so many MACs a second, and memory for tensors up to a size."""

    macs_per_s: float
    largest_sum: str
    measured: list[str]

    def run_benchmarks(self, cases: Sequence[Any], *_: Any, wait: bool) -> list[tuple[Any, Path]]:
        from latency_bench.model_specs.counting import count

        (spec,) = cases
        self.measured.append(spec.id)
        fits = spec.id not in SUMS or SUMS.index(spec.id) >= SUMS.index(self.largest_sum)
        median_ms = count(spec).macs / self.macs_per_s * 1e3 or 1.0
        summary = SimpleNamespace(latency=SimpleNamespace(median_ms=median_ms)) if fits else None
        return [(SimpleNamespace(summary=summary), Path(spec.id))]


@pytest.mark.parametrize(
    ("macs_per_s", "products", "convolutions"),
    [(1e7, 1, 1), (5e10, 3, 3), (2e12, 4, 3)],
)
def test_subjects_grow_until_a_request_would_take_two_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, macs_per_s: float, products: int, convolutions: int
) -> None:
    device = MadeUpDevice(macs_per_s, SUMS[0], [])
    monkeypatch.setattr(device_calibration, "run_benchmarks", device.run_benchmarks)
    calibrate(lambda spec: spec, tmp_path, [], None)  # type: ignore[arg-type, return-value]
    assert device.measured == [*PRODUCTS[:products], *CONVOLUTIONS[:convolutions], SUMS[0]]


def test_a_device_with_little_memory_gets_a_smaller_sum(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = MadeUpDevice(1e7, SUMS[1], [])
    monkeypatch.setattr(device_calibration, "run_benchmarks", device.run_benchmarks)
    calibrate(lambda spec: spec, tmp_path, [], None)  # type: ignore[arg-type, return-value]
    assert device.measured == [PRODUCTS[0], CONVOLUTIONS[0], SUMS[0], SUMS[1]]


@pytest.fixture
def small_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest of each: the tests ask whether it works, not how fast this machine is."""
    for name, subjects in (("PRODUCTS", PRODUCTS[:1]), ("CONVOLUTIONS", CONVOLUTIONS[:1]), ("SUMS", SUMS[-1:])):
        monkeypatch.setattr(device_calibration, name, subjects)


@pytest.mark.usefixtures("small_subjects")
@pytest.mark.parametrize(
    "runtime", ["onnxruntime", *(pytest.param(name, marks=pytest.mark.slow) for name in ("litert", "torch"))]
)
def test_a_calibration_is_ordinary_runs_that_give_the_peaks(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench_environment: dict[str, str]
) -> None:
    for name, value in bench_environment.items():
        monkeypatch.setenv(name, value)
    protocol = tmp_path / "brief.yaml"
    protocol.write_text(PROTOCOL)
    monkeypatch.chdir(tmp_path)
    words = ["calibrate", "local", "--runtime", runtime, "--protocol", str(protocol), "--quiet", "--json"]
    result = CliRunner().invoke(devices, words, standalone_mode=False)
    assert result.exception is None, result.output
    assert result.return_value == 0
    store = Path(bench_environment["BENCH_STORE"])
    document = json.loads(result.stdout)
    assert [run["model"] for run in document["runs"]] == [PRODUCTS[0], CONVOLUTIONS[0], SUMS[-1]]
    assert all(run["fidelity"]["passed"] for run in document["runs"])
    assert len(run_paths(store)) == 3
    ((platform, peaks),) = find_peaks(load_runs(store)).items()
    assert platform[:4] == ("local", runtime, "fp32", 1)
    assert document["peaks"]["macs_per_s"] == peaks.macs_per_s > 0
    assert document["peaks"]["bytes_per_s"] == peaks.bytes_per_s > 0
