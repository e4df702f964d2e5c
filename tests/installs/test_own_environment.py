"""A runtime that cannot lie beside the rest runs in an environment of its own, named by `python` of a device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

MODEL = ("--model", "b0-cls-r224", "--resolution", "64x64", "--device", "own")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_another_executorch_runs_what_was_exported_here(make_environment: Any, bench: Any, tmp_path: Path) -> None:
    """An older release, which cannot tell times of operators. What it installs is large where torch's CPU build is not
    in the index."""
    environment = make_environment()
    environment.install("executorch==1.4.0", "torch==2.13.*", "numpy")
    own = {"runtime": "executorch", "python": [str(environment.python)]}
    devices = tmp_path / "devices.yaml"
    devices.write_text(json.dumps({"devices": {"own": own}}))
    where = {"BENCH_DEVICES": str(devices)}
    ran = bench("run", *MODEL, "--rounds", "1", "--json", env=where, timeout_s=1200)
    assert ran.returncode == 0, ran.stderr
    record = json.loads((Path(ran.json()["path"]) / "record.json").read_text())
    assert record["fidelity"]["passed"] is True
    assert record["runtime"]["version"].startswith("1.4.0")
    assert record["artifact"]["facts"]["versions"]["executorch"] != "1.4.0"
    assert record["runtime"]["facts"]["delegation"]["delegated"] > 100
    profiled = bench("profile", *MODEL, env=where, timeout_s=1200)
    assert profiled.returncode != 0
    assert "does not report times of operators" in profiled.stderr
