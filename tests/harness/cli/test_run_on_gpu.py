"""`bench run` on a real GPU: `pytest -m gpu`."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.gpu

FAST = "\n".join(
    [
        "name: fast",
        "rounds: 1",
        "campaign_rounds: 1",
        "warmup: {min_count: 3, max_count: 200, min_s: 0.2, max_s: 2, window: 5}",
        "sampling: {min_count: 30, max_count: 500, min_s: 0.2, max_s: 5, relative_interval: 0.05, confidence: 0.95}",
    ]
)


@pytest.mark.parametrize("model", ["b1-seg", "l1-seg"])
@pytest.mark.parametrize("precision", ["fp16", "bf16", "fp32"])
def test_the_gate_passes(bench, tmp_path, model, precision):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU here")
    protocol = tmp_path / "fast.yaml"
    protocol.write_text(FAST)
    devices = tmp_path / "devices.yaml"
    probes = ["linux", "nvidia"]
    devices.write_text(json.dumps({"devices": {"gpu": {"runtime": "torch-cuda", "probes": probes}}}))
    done = bench(
        "run", "--device", "gpu", "--model", model, "--precision", precision, "--protocol", str(protocol),
        "--streams", "2", "--json", env={"BENCH_DEVICES": str(devices)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = done.json()
    assert result["fidelity"]["passed"] is True
    assert result["precision"] == precision
    assert result["throughput_measured"]["streams"] == 2
    assert set(result["phases_ms"]) == {"h2d", "compute", "d2h"}
