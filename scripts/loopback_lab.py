"""A lab on the loopback of this computer: a real scheduler and hosts, each a process that may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from fault_trial import settings_of
from warm_labs import SETTINGS as DASK_SETTINGS
from warm_python import WarmProcess

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.harness.campaign.campaign_plan import Plan, plan_of
from latency_bench.harness.campaign.cluster_settings import cluster_settings
from latency_bench.harness.campaign.state import runs_by_case
from latency_bench.harness.case_options import CaseOptions

HERE = Path(__file__).parent
NAMES = [f"bench-{letter}" for letter in "abcdefgh"]
SETTINGS = "transport: local, runner: clock-free, runtime: clock-free, probes: []"
ANSWER_S = 600.0
"""How long a busy computer may take to start a process."""


LabProcess = subprocess.Popen[bytes] | WarmProcess


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline_s = time.monotonic() + ANSWER_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"waited for {what} in vain"
        time.sleep(0.02)
    return found


def inventory(settings: Mapping[str, str]) -> str:
    """A devices.yaml with these devices."""
    return "devices:\n" + "".join(f"  {name}: {{{words}}}\n" for name, words in settings.items())


def as_computer(folder: Path, name: str, machine_id: str, command: Sequence[str]) -> list[str]:
    """The command on a computer of its own, as far as names tell computers apart."""
    file = folder / f"machine-id-{machine_id}"
    file.write_text(f"{machine_id}\n")
    become = 'hostname "$1" && mount --bind "$2" /etc/machine-id && shift 2 && exec "$@"'
    return ["unshare", "-rum", "sh", "-c", become, "sh", name, str(file), *command]


class Lab:
    """A scheduler and hosts, each a process that may be killed. With `server`, the socket of one (warm_python.py), they
    have imported what they need."""

    def __init__(
        self,
        folder: Path,
        tls: tuple[Path, Path, Path] | None = None,
        devices: Sequence[str] = NAMES,
        server: str | None = None,
    ) -> None:
        self.folder = folder
        self.tls = tls
        self.server = server
        self.said = folder / "said"
        self.said.mkdir()
        (folder / "devices.yaml").write_text(inventory(dict.fromkeys(devices, SETTINGS)))
        self.processes: list[LabProcess] = []
        self.address = ""
        self._start_scheduler("0")

    def _start_scheduler(self, port: str) -> None:
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        words = ["--host", "127.0.0.1", "--port", port, "--no-dashboard", "--scheduler-file", str(file)]
        if self.tls is not None:
            names = ("--tls-ca-file", "--tls-cert", "--tls-key")
            words += ["--protocol", "tls", *(str(word) for pair in zip(names, self.tls, strict=True) for word in pair)]
        self.scheduler = self._start_module("distributed.cli.dask_scheduler", words, self.folder / "scheduler.log", {})
        text = wait_for(lambda: file.exists() and file.read_text(), "the scheduler")
        self.address = str(json.loads(text)["address"])

    def restart_scheduler(self) -> None:
        """Killed, and another at the same address, which knows nothing."""
        self.scheduler.kill()
        self.scheduler.wait()
        self._start_scheduler(str(self.port))

    def settings(self, address: str | None = None) -> Any:
        """Of the scheduler, or of a proxy before it."""
        return cluster_settings(address or self.address, *(self.tls or (None, None, None)), insecure=self.tls is None)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def _start_module(self, module: str, words: Sequence[str], log: Path, variables: Mapping[str, str]) -> LabProcess:
        if self.server is None:
            return self._start([sys.executable, "-m", module, *words], log, variables)
        with log.open("ab") as file:
            process = WarmProcess(
                *(self.server, module, words),
                cwd=os.getcwd(),
                env=self._environment(variables),
                stdout=file,
                stderr=file,
            )
        self.processes.append(process)
        return process

    def _start(self, command: Sequence[str], log: Path, variables: Mapping[str, str]) -> LabProcess:
        with log.open("ab") as file:
            process = subprocess.Popen(command, env=self._environment(variables), stdout=file, stderr=file)
        self.processes.append(process)
        return process

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
        own = {"BENCH_DEVICES": str(self.folder / "devices.yaml"), "PYTHONPATH": path}
        return {**os.environ, **own, **variables, **DASK_SETTINGS}

    def host(
        self,
        devices: str,
        tls: tuple[Path, Path, Path] | None = None,
        scheduler: str | None = None,
        **variables: str,
    ) -> LabProcess:
        """`scheduler`: the address of a proxy before it."""
        files = [str(path) for path in tls or self.tls or ()]
        words = [scheduler or self.address, str(self.said), devices, *files]
        return self._start_module("loopback_host", words, self.folder / "host.log", variables)

    def computer(self, name: str, machine_id: str, devices: str, **variables: str) -> LabProcess:
        """A host with a host name and a machine id of its own, by namespaces."""
        words = [sys.executable, "-m", "loopback_host", self.address, str(self.said), devices]
        return self._start(as_computer(self.folder, name, machine_id, words), self.folder / "host.log", variables)

    def kill_last_host(self) -> None:
        self.processes[-1].kill()
        self.processes[-1].wait()

    def measuring(self) -> list[int]:
        """Process ids of the measurements so far, one each."""
        return [int(path.name.split("-")[1]) for path in self.said.glob("measuring-*")]

    def end(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def plan_on(lab: Lab, cluster: Any, devices: list[str], count: int, **fields: Any) -> Plan:
    """Cases of small files that every host of this test can read, once the hosts are there."""
    tensor = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
    requests = []
    for index in range(count):
        path = lab.folder / f"m{index}.onnx"
        graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], f"g{index}", [tensor], [out])
        onnx.save(onnx.helper.make_model(graph), str(path))
        requests += [
            CaseOptions(file=(path, "onnx"), device=name, runtime="clock-free", protocol="quick", rounds=2)
            for name in devices
        ]
    return plan_of("far", requests, patient(cluster.device_of), case_batch=1, **fields)


def patient(device_of: Callable[[str], Device]) -> Callable[[str], Device]:
    """On a busy computer hosts take longer to start than a user would wait for them."""
    until_s = time.monotonic() + ANSWER_S

    def device(name: str) -> Device:
        while True:
            try:
                return device_of(name)
            except InventoryError:
                if time.monotonic() > until_s:
                    raise

    return device


def measured(plan: Plan, cluster: Any, store: Path, seen: Any) -> dict[str, list[str]]:
    cluster.run(plan, runs_by_case(plan, store), settings_of(plan, store), seen)
    return {key: sorted(row["status"] for row in found.rows) for key, found in runs_by_case(plan, store).items()}


def begun(plan: Plan, cluster: Any, store: Path, seen: Any) -> tuple[threading.Thread, dict[str, list[str]]]:
    """A campaign under way: its thread, and where what `measured` returns will be once that has ended."""
    results: dict[str, list[str]] = {}
    campaign = threading.Thread(target=lambda: results.update(measured(plan, cluster, store, seen)))
    campaign.start()
    return campaign, results
