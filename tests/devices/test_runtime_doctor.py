"""`bench devices doctor` on a device's runtime: what it needs is read from its class, and the worker is started."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bench_worker.runtimes import runtime_class, runtime_names


@pytest.fixture
def doctor(bench: Callable[..., Any], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The checks of this computer with a runtime, by name."""

    def run(**fields: Any) -> dict[str, Any]:
        (tmp_path / "devices.yaml").write_text(json.dumps({"devices": {"here": fields}}))
        done = bench("devices", "doctor", "here", "--json", env={"BENCH_DEVICES": str(tmp_path / "devices.yaml")})
        checks = {check["check"]: check for check in done.json()["checks"]}
        assert done.returncode == (1 if any(check["status"] == "failed" for check in checks.values()) else 0)
        return checks

    return run


def _is_there(name: str) -> bool:
    return all(any(find_spec(module) for module in group) for group in runtime_class(name).MODULES)


MISSING = [name for name in runtime_names() if not _is_there(name)]
WORKING = [name for name in runtime_names() if _is_there(name) and not runtime_class(name).ON_GPU]


@pytest.mark.parametrize("name", MISSING)
def test_a_runtime_that_is_not_installed_fails(doctor: Callable[..., dict[str, Any]], name: str) -> None:
    checks = doctor(runtime=name)
    assert checks[f"{name} modules"]["status"] == "failed"
    assert checks[f"{name} modules"]["remedy"]
    assert "worker" not in checks


@pytest.mark.parametrize(
    "name", [name for name in runtime_names() if _is_there(name) and not runtime_class(name).ON_GPU]
)
def test_the_worker_makes_a_runtime_that_is(doctor: Callable[..., dict[str, Any]], name: str) -> None:
    check = doctor(runtime=name)["worker"]
    assert check["status"] == "ok", check
    assert "starts, and imports" in check["found"]


def test_a_runtime_that_is_installed_and_does_not_work_fails(doctor: Callable[..., dict[str, Any]]) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    checks = doctor(runtime="torch-cuda")
    assert checks["torch-cuda modules"]["status"] == "ok"
    assert checks["worker"]["status"] == "failed"
    assert checks["worker"]["remedy"]


def test_an_unknown_runtime_is_told(doctor: Callable[..., dict[str, Any]]) -> None:
    failed = [check for check in doctor(runtime="litrt").values() if check["status"] == "failed"]
    assert len(failed) == 1
    assert "litert" in failed[0]["remedy"]
