"""nvidia-ml-py of old and new releases over NVML of old and new drivers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
RELEASES = ("nvidia-ml-py3==7.352.0", "nvidia-ml-py==11.450.129", "nvidia-ml-py==12.535.161", "nvidia-ml-py==13.615.71")
"""The first gives texts as bytes."""
DRIVERS: dict[str, tuple[str, ...]] = {"470": ("BEFORE_510", "BEFORE_535"), "525": ("BEFORE_535",), "570": ()}


def _ask(environment: dict[str, str], *faults: str) -> list[Any]:
    """One answer for each of the faults, "" for none."""
    program = [sys.executable, str(HERE / "nvml_answers.py"), *faults]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("package", RELEASES)
def test_every_package_reads_every_driver(install_packages: Any, over_driver: Any, package: str, driver: str) -> None:
    (answer,) = _ask(over_driver(install_packages(package), defines=DRIVERS[driver]), "")
    assert answer["facts"]["driver"].startswith(driver)
    gpu = answer["facts"]["gpus"][1]
    assert gpu["model"] == "Stand-in GPU 1"
    assert gpu["uuid"] == "GPU-01112131-4151-6171-8191-a1b1c1d1e1f1"
    assert gpu["pci_bus_id"].endswith(":3B:00.0")
    values = {(one["source"], one["quantity"]): one["value"] for one in answer["readings"]}
    assert values["gpu0", "throttle_reasons"] == 0x24, "under its old name or its new one"
    assert (values["gpu0", "power_total"], values["gpu1", "power_total"]) == (70, 170)
    assert values["gpu1", "frequency"] == 1310
    if (package, driver) == ("nvidia-ml-py==12.535.161", "470"):
        assert "processes" not in gpu, "this package has no way to ask this driver: not known is not none"
    else:
        assert gpu["processes"] == [{"pid": 9002, "name": "/usr/bin/neighbour-9002"}]


QUERIES = (
    *("nvmlDeviceGetPowerUsage", "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetUtilizationRates"),
    *("nvmlDeviceGetClockInfo", "nvmlDeviceGetTemperature", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetUUID"),
    *("nvmlDeviceGetPciInfo", "nvmlDeviceGetName", "nvmlDeviceGetEccMode", "nvmlDeviceGetMigMode"),
    *("nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetTemperatureThreshold", "nvmlDeviceGetPersistenceMode"),
    *("nvmlDeviceGetCurrPcieLinkWidth", "nvmlDeviceGetComputeRunningProcesses", "nvmlSystemGetProcessName"),
)


def test_what_a_gpu_does_not_support_is_absent_and_the_rest_is_there(install_packages: Any, over_driver: Any) -> None:
    environment = over_driver(install_packages(RELEASES[-1]))
    whole, *answers = _ask(environment, "", *(f"{query}=3" for query in QUERIES))
    for query, answer in zip(QUERIES, answers, strict=True):
        assert len(json.dumps(answer)) < len(json.dumps(whole)), query
        assert len(answer["facts"]["gpus"]) == 2


def test_a_driver_that_is_not_there_and_gpus_that_are_lost_are_said(install_packages: Any, over_driver: Any) -> None:
    environment = over_driver(install_packages(RELEASES[-1]))
    answers = _ask(environment, "nvmlInit=9", "nvmlInit=18", "*=15")
    for answer, says in zip(answers, ("Driver Not Loaded", "mismatch", "GPU is lost"), strict=True):
        assert says.lower() in answer["error"].lower()
        assert "nvidia-smi" in answer["remedy"]
