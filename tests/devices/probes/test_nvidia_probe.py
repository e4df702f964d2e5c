"""The NVIDIA probe on an NVML in software and on nvidia-smi's words; the lock of the clocks on a stand-in alone."""

from __future__ import annotations

import types

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.nvidia import NvidiaProbe
from latency_bench.devices.probes.nvidia_nvml import Nvml
from latency_bench.devices.probes.nvidia_run import reason_names
from latency_bench.devices.transports.base import Completed
from latency_bench.devices.transports.local import LocalTransport
from latency_bench.devices.tuning.base import apply_all
from latency_bench.devices.tuning.nvidia import LockedGpuClocks


class NvmlError(Exception):
    pass


def fake_nvml(**changes):
    """pynvml of one GPU. A value that is an exception is raised, as NVML does for what a GPU does not support."""
    memory = types.SimpleNamespace(total=80 << 30, used=3 << 30)
    values = {
        "nvmlInit": None,
        "nvmlShutdown": None,
        "nvmlDeviceGetCount": 1,
        "nvmlDeviceGetHandleByIndex": "handle",
        "nvmlSystemGetDriverVersion": "550.54",
        "nvmlSystemGetCudaDriverVersion": 12040,
        "nvmlSystemGetProcessName": b"/usr/bin/other",
        "nvmlDeviceGetName": b"NVIDIA A100-SXM4-80GB",
        "nvmlDeviceGetUUID": "GPU-1",
        "nvmlDeviceGetPciInfo": types.SimpleNamespace(busId=b"00000000:3B:00.0"),
        "nvmlDeviceGetMemoryInfo": memory,
        "nvmlDeviceGetClockInfo": 1410,
        "nvmlDeviceGetMaxClockInfo": 1410,
        "nvmlDeviceGetEnforcedPowerLimit": 400_000,
        "nvmlDeviceGetTemperatureThreshold": 92,
        "nvmlDeviceGetCurrPcieLinkGeneration": 4,
        "nvmlDeviceGetCurrPcieLinkWidth": 16,
        "nvmlDeviceGetMaxPcieLinkGeneration": 4,
        "nvmlDeviceGetMaxPcieLinkWidth": 16,
        "nvmlDeviceGetPersistenceMode": 1,
        "nvmlDeviceGetEccMode": [1, 1],
        "nvmlDeviceGetMigMode": NvmlError("Not Supported"),
        "nvmlDeviceGetComputeRunningProcesses": [types.SimpleNamespace(pid=4711, usedGpuMemory=None)],
        "nvmlDeviceGetTemperature": 41,
        "nvmlDeviceGetPowerUsage": 71_500,
        "nvmlDeviceGetTotalEnergyConsumption": NvmlError("Not Supported"),
        "nvmlDeviceGetUtilizationRates": types.SimpleNamespace(gpu=97),
        "nvmlDeviceGetCurrentClocksThrottleReasons": 0x24,
        **changes,
    }
    library = types.SimpleNamespace(
        NVMLError=NvmlError,
        NVML_CLOCK_SM=1,
        NVML_CLOCK_MEM=2,
        NVML_TEMPERATURE_GPU=0,
        NVML_TEMPERATURE_THRESHOLD_SLOWDOWN=1,
        called=[],
    )

    def function(name, value):
        def call(*arguments):
            library.called.append(name)
            if isinstance(value, Exception):
                raise value
            return value

        return call

    for name, value in values.items():
        setattr(library, name, function(name, value))
    return library


class Local:
    name = "local"


def test_what_the_gpu_is():
    probe = NvidiaProbe(Nvml(fake_nvml()))
    facts = probe.fingerprint(Local())
    assert (facts["driver"], facts["cuda_driver"]) == ("550.54", 12040)
    (gpu,) = facts["gpus"]
    assert gpu["model"] == "NVIDIA A100-SXM4-80GB"
    assert gpu["pci_bus_id"] == "00000000:3B:00.0"
    assert gpu["power_limit_w"] == 400
    assert gpu["clocks_mhz"] == {"sm": {"current": 1410, "max": 1410}, "memory": {"current": 1410, "max": 1410}}
    assert gpu["pcie"] == {"generation": 4, "width": 16, "max_generation": 4, "max_width": 16}
    assert gpu["processes"] == [{"pid": 4711, "name": "/usr/bin/other"}]
    assert "mig" not in gpu, "a fact that cannot be read is absent"


def test_how_it_feels():
    found = {(one.source, one.quantity): (one.value, one.unit) for one in NvidiaProbe(Nvml(fake_nvml())).read(Local())}
    assert found["gpu0", "power_total"] == (71.5, "W")
    assert found["gpu0", "frequency"] == (1410, "MHz")
    assert found["gpu0", "load"] == (97, "%")
    assert found["gpu0", "throttle_reasons"] == (0x24, "bits")
    assert found["gpu0 pid 4711", "process_memory"] == (0, "bytes")
    assert ("gpu0", "energy") not in found


def test_names_of_the_reasons():
    assert reason_names(0x24) == {"sw_power_cap", "sw_thermal_slowdown"}
    assert reason_names(0) == frozenset()


def test_it_is_let_go_of():
    library = fake_nvml()
    probe = NvidiaProbe(Nvml(library))
    probe.close()
    probe.close()
    assert library.called.count("nvmlShutdown") == 1


def test_a_gpu_that_goes_away_ends_the_readings_with_a_reason():
    lost = {name: NvmlError("GPU is lost") for name in vars(fake_nvml()) if name.startswith("nvmlDeviceGet")}
    lost |= {"nvmlDeviceGetCount": 1, "nvmlDeviceGetHandleByIndex": "handle"}
    alone = fake_nvml(nvmlDeviceGetHandleByIndex=NvmlError("GPU is lost"))
    with pytest.raises(Exception, match="no GPU answers"):
        Nvml(alone)
    with pytest.raises(DeviceError, match="no GPU answers"):
        NvidiaProbe(Nvml(fake_nvml(**lost))).read(Local())


def test_no_driver_is_said_with_the_way_out(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(nvmlInit=NvmlError("Driver Not Loaded")))
    with pytest.raises(DeviceError) as caught:
        NvidiaProbe().fingerprint(Local())
    assert "Driver Not Loaded" in caught.value.message
    assert "nvidia-smi" in caught.value.remedy


SMI = """NVIDIA A100-SXM4-80GB, GPU-1, 00000000:3B:00.0, 550.54.15, 81920, 1410, 400.00, 4, 16
"""
NOW = """1410, 1593, 41, 71.50, 97, 0x0000000000000004
210, 405, 30, [N/A], 0, 0x0000000000000001
"""


LISTED = """GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-1)
  MIG 3g.40gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
"""


class Smi:
    """A transport behind which `nvidia-smi` answers with these words."""

    name = "ssh"
    workdir = "/nowhere"

    def __init__(self, returncode=0, stderr="", locks=True):
        self.commands, self.at_the_end = [], []
        self._failed = Completed(returncode, "", stderr) if returncode else None
        self._locks = locks

    def run(self, argv, **options):
        self.commands.append(list(argv))
        if argv[0] == "id":
            return Completed(0, "0\n", "")
        if self._failed:
            return self._failed
        if "--query-compute-apps=pid,process_name,gpu_uuid" in argv:
            return Completed(0, "99, /usr/bin/other, GPU-1\n", "")
        if any(word.startswith("--query-gpu=name") for word in argv):
            return Completed(0, SMI, "")
        if argv[-1] == "-L":
            return Completed(0, LISTED, "")
        if "--query-gpu=clocks.max.sm" in argv:
            return Completed(0, "1980\n1410\n", "")
        if "--query-gpu=clocks.sm" in argv:
            return Completed(0, "210\n", "")
        if any(word.startswith("--lock-gpu-clocks") for word in argv) and not self._locks:
            return Completed(4, "", "The current user does not have permission to change clocks")
        return Completed(0, NOW, "")

    def at_end(self, argv):
        self.at_the_end.append(list(argv))


def test_another_machine_is_asked_by_nvidia_smi():
    probe, transport = NvidiaProbe(), Smi()
    facts = probe.fingerprint(transport)
    assert facts["driver"] == "550.54.15"
    (gpu,) = facts["gpus"]
    assert (gpu["model"], gpu["power_limit_w"], gpu["pcie_width"]) == ("NVIDIA A100-SXM4-80GB", 400.0, 16)
    assert [one["pid"] for one in gpu["processes"]] == [99]
    assert (gpu["pci_bus_id"], gpu["mig"]) == ("00000000:3B:00.0", 1)
    found = {(one.source, one.quantity): one.value for one in probe.read(transport)}
    assert found["gpu0", "power_total"] == 71.5
    assert found["gpu0", "throttle_reasons"] == 4
    assert found["gpu1", "frequency"] == 210
    assert ("gpu1", "power_total") not in found


def test_nvidia_smi_that_fails():
    with pytest.raises(DeviceError, match="couldn't communicate"):
        NvidiaProbe().fingerprint(
            Smi(9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver")
        )


def test_clocks_are_put_back_even_if_locking_fails():
    transport = Smi()
    facts = apply_all(transport, [LockedGpuClocks()])
    assert ["nvidia-smi", "--lock-gpu-clocks=1410,1410"] in transport.commands
    assert transport.at_the_end == [["nvidia-smi", "--reset-gpu-clocks"]]
    assert facts == {"gpu_clocks": {"before": "210", "while_measuring": "210"}}
    refused = Smi(locks=False)
    with pytest.raises(DeviceError, match="permission"):
        apply_all(refused, [LockedGpuClocks()])
    assert refused.at_the_end == [["nvidia-smi", "--reset-gpu-clocks"]]


def test_the_clocks_of_a_real_session_are_put_back(tmp_path, monkeypatch):
    """A stand-in nvidia-smi in a real local transport: what it was told, in order, after the session is over."""
    log = tmp_path / "log"
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\necho "$*" >> {log}\ncase "$*" in *clocks.max.sm*) echo 1410 ;; esac\n')
    tool.chmod(0o755)
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    sudo.chmod(0o755)
    import os

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    transport = LocalTransport()
    try:
        apply_all(transport, [LockedGpuClocks()])
        told = log.read_text().splitlines()
        assert "--lock-gpu-clocks=1410,1410" in told
        assert "--reset-gpu-clocks" not in told
    finally:
        transport.close()
    assert log.read_text().splitlines()[-1] == "--reset-gpu-clocks"
