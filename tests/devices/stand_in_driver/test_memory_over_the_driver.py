"""cuda-python of old and new releases over the stand-in driver: calls, lifetimes, faults."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
RELEASES = {
    "12.4": ("cuda-python==12.4.0",),
    "12.8": ("cuda-bindings==12.8.0",),
    "13.5": ("cuda-bindings==13.5.0", "cuda-pathfinder==1.9.0"),
}
"""Before the package was divided (12.6); the last with a runtime API of its own; now."""


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def packages(release: str, install_packages: Any) -> Path:
    folder: Path = install_packages(*RELEASES[release])
    return folder


def _run(program: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program] if "\n" in program else [sys.executable, *program.split()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_release_keeps_the_contract_and_gives_back_what_it_had(
    release: str, packages: Path, over_driver: Any
) -> None:
    done = _run(f"{HERE / 'memory_contract.py'} cuda-python", over_driver(packages))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["facts"] == {
        "name": "Stand-in GPU 0",
        "driver": 12080,
        "compute_capability": "8.7",
        "memory_total_bytes": 1 << 28,
        "library": f"cuda-python {RELEASES[release][0].partition('==')[2]}",
        "uuid": "00102030-4050-6070-8090-a0b0c0d0e0f0",
        "pci_bus_id": "0000:3a:00.0",
    }
    assert report["opened"] == report["dropped"] == {"context": 1}, "what nobody holds any more is given back at once"
    assert report["kept"] == {"context": 1, "device": 1, "host": 1, "stream": 1, "event": 1}
    assert report["closed"] == report["after"] == {}


OPEN = """
import json, sys
from bench_worker.failure import WorkerError
from bench_worker.memory import open_memory
try:
    memory = open_memory("cuda-python", 0)
    print(json.dumps(memory.facts()))
    host = memory.host_buffer((1 << 20,), "uint8", True)
    stream, event = memory.stream(), memory.event(False)
    room = memory.device_buffer(host)
    memory.copy_in(room, host, stream)
    memory.record(event, stream)
    memory.wait(event)
except WorkerError as error:
    print(json.dumps({"kind": error.kind, "message": error.message, "remedy": error.remedy}))
"""


@pytest.mark.parametrize(
    ("variables", "kind", "says", "remedy"),
    [
        ({"STAND_IN_MEMORY_BYTES": "1000"}, "out-of-memory", "1048576 bytes", "--batch"),
        ({"STAND_IN_CUDA_FAULTS": "cuMemHostAlloc=2"}, "out-of-memory", "pinned", "--batch"),
        ({"STAND_IN_CUDA_FAULTS": "cuInit=100"}, "runtime-missing", "no NVIDIA GPU", "CUDA_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "runtime-missing", "no NVIDIA GPU", "CUDA_VISIBLE_DEVICES"),
        ({"STAND_IN_CUDA_FAULTS": "cuInit=802"}, "runtime-missing", "not ready", "fabricmanager"),
        ({"STAND_IN_CUDA_FAULTS": "cuInit=803"}, "runtime-missing", "different versions", "reboot"),
        ({"STAND_IN_CUDA_FAULTS": "cuDevicePrimaryCtxRetain=46"}, "runtime-failed", "exclusive use", "-c DEFAULT"),
        ({"STAND_IN_CUDA_FAULTS": "cuEventSynchronize=214"}, "runtime-failed", "went away", "Xid"),
        ({"STAND_IN_CUDA_FAULTS": "cuEventSynchronize=700"}, "runtime-failed", "a kernel failed", "--precision"),
    ],
)
def test_what_the_driver_refuses_is_told_with_its_remedy(
    install_packages: Any, over_driver: Any, variables: dict[str, str], kind: str, says: str, remedy: str
) -> None:
    done = _run(OPEN, over_driver(install_packages(*RELEASES["13.5"]), **variables))
    assert done.returncode == 0, done.stderr
    failure = json.loads(done.stdout.splitlines()[-1])
    assert failure["kind"] == kind, failure
    assert says in failure["message"]
    assert remedy in failure["remedy"]


def test_without_a_driver_it_says_so(packages: Path, over_driver: Any) -> None:
    environment = over_driver(packages)
    del environment["LD_LIBRARY_PATH"]
    failure = json.loads(_run(OPEN, environment).stdout)
    assert failure["kind"] == "runtime-missing"
    assert "driver" in failure["message"]


def test_a_driver_that_is_too_old_for_the_bindings_says_so(packages: Path, over_driver: Any) -> None:
    done = _run(OPEN, over_driver(packages, STAND_IN_WITHOUT="cuDevicePrimaryCtxRetain"))
    failure = json.loads(done.stdout)
    assert failure["kind"] == "runtime-missing"
    assert "lacks a function" in failure["message"]
    assert "update the driver" in failure["remedy"]


def test_an_old_driver_that_tells_no_identity_costs_only_that(packages: Path, over_driver: Any) -> None:
    hidden = "cuDeviceGetUuid,cuDeviceGetUuid_v2"
    done = _run(OPEN, over_driver(packages, STAND_IN_WITHOUT=hidden))
    facts = json.loads(done.stdout.splitlines()[0])
    assert "uuid" not in facts
    assert facts["pci_bus_id"] == "0000:3a:00.0"


def test_the_visible_gpu_is_told_by_what_it_is_and_not_by_its_number(packages: Path, over_driver: Any) -> None:
    facts = json.loads(_run(OPEN, over_driver(packages, CUDA_VISIBLE_DEVICES="1")).stdout.splitlines()[0])
    assert facts["uuid"].startswith("01112131-")
    assert facts["pci_bus_id"] == "0000:3b:00.0"
