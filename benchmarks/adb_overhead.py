"""What the harness adds to TFLite's benchmark_model over ADB, and that a second run pushes nothing.

    python benchmarks/adb_overhead.py --device pixel --tflite model.tflite [--processes 10]
    python benchmarks/adb_overhead.py --loopback FOLDER --tflite model.tflite      # the real adbd on this machine

Four figures on the same link and the same device of devices.yaml:
plain: `adb shell benchmark_model`, one process after the other, by hand; harness: as many by the runner, their
number fixed, with its checks and its reading of thermal status around them. Outside measuring is the wall
time less that of the processes. Then the runner's latencies with and without the probe that reads clocks and sensors
beside it, alternating, so that what the probe disturbs can be seen.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from latency_bench.devices.device import Device
from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.inventory import find_device
from latency_bench.devices.opening import open_device
from latency_bench.devices.runners.base import Deployment, RoundJob, RoundResult
from latency_bench.devices.transports.adb import AdbTransport
from latency_bench.devices.transports.adb_program import find_program
from latency_bench.harness.telemetry_sampler import TelemetrySampler

_NS = 10**9


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    where = words.add_mutually_exclusive_group(required=True)
    where.add_argument("--device", help="Of devices.yaml.")
    where.add_argument("--loopback", type=Path, metavar="FOLDER", help="See benchmarks/loopback_phone.py.")
    words.add_argument("--tflite", type=Path, required=True)
    words.add_argument("--processes", type=int, default=10)
    words.add_argument("--repeats", type=int, default=3, help="Of the comparison with and without the probe.")
    given = words.parse_args()
    if given.loopback is None:
        _measure_all(find_device(given.device), given)
        return
    from loopback_phone import loopback_phone

    with loopback_phone(given.loopback) as device:
        _measure_all(device, given)


def _measure_all(device: Device, given: argparse.Namespace) -> None:
    digest = hashlib.sha256(given.tflite.read_bytes()).hexdigest()

    began_s = time.perf_counter()
    with open_device(device) as session:
        opened_s = time.perf_counter() - began_s
        deployment = _deploy(session, given.tflite, digest, "first session")
    with open_device(device) as session:
        deployment = _deploy(session, given.tflite, digest, "second session")
        cpus = session.available_cpus()[-device.threads :]
        request = RoundJob(
            runtime=device.runtime,
            # What is compared is what surrounds the tool: that XNNPACK takes the whole model is no condition here.
            runtime_options={"threads": device.threads, "allow_partial": True, **device.runtime_options},
            inputs=[],
            warmup=_bounds(1),
            sampling={**_bounds(given.processes), "relative_interval": None, "confidence": 0.95},
            cpus=cpus,
        )
        _measure(session, deployment, request)
        began_s = time.perf_counter()
        result = _measure(session, deployment, request)
        harness_s = time.perf_counter() - began_s
        inside_s = result.done["process_wall_ns"] / 1e9 * (given.processes + 1)
        facts = result.loaded["tool"]
        plain_s = _plain(session, device.adb.program, [facts["path"], *facts["flags"]], cpus, given.processes + 1)
        print(f"connect:          {opened_s:.2f} s (the adb server's start included where it was not running)")
        print(f"plain adb shell:  {plain_s:.2f} s for {given.processes + 1} processes")
        print(f"harness:          {harness_s:.2f} s for as many, {harness_s - inside_s:.2f} s of it outside them")
        print(f"difference:       {harness_s - plain_s:+.2f} s")
        beside: list[float] = []
        alone: list[float] = []
        for _ in range(given.repeats):
            alone.append(_measure(session, deployment, request).done["median_ns"] / 1e6)
            with TelemetrySampler(session):
                beside.append(_measure(session, deployment, request).done["median_ns"] / 1e6)
        a, b = statistics.median(alone), statistics.median(beside)
        print(f"latency alone:    {a:.3f} ms {sorted(round(one, 3) for one in alone)}")
        print(f"with the probe:   {b:.3f} ms {sorted(round(one, 3) for one in beside)}, {(b / a - 1) * 100:+.2f} %")


def _bounds(count: int) -> dict[str, int]:
    return {"min_count": count, "max_count": count, "min_ns": 0, "max_ns": 3600 * _NS, "window": 0}


def _deploy(session: DeviceSession, artifact: Path, sha256: str, what: str) -> Deployment:
    began_s = time.perf_counter()
    deployment = session.deploy(artifact, sha256)
    took_s = time.perf_counter() - began_s
    carried = _transport(session).carried_bytes
    print(f"deploy, {what}: {took_s:.2f} s, {carried} bytes carried")
    return deployment


def _measure(session: DeviceSession, deployment: Deployment, request: RoundJob) -> RoundResult:
    with tempfile.TemporaryDirectory() as folder:
        return session.measure(deployment, request, Path(folder) / "outputs.npz", lambda progress: None)


def _plain(session: DeviceSession, program: str | None, argv: list[str], cpus: tuple[int, ...], count: int) -> float:
    """The same command line by hand, with nothing around it."""
    options = session.device.adb.model_copy(update={"program": program})
    mask = f"{sum(1 << cpu for cpu in cpus):x}"
    adb = find_program(options)
    if options.host is not None:
        subprocess.run([adb, "connect", f"{options.host}:{options.port}"], check=True, stdout=subprocess.DEVNULL)
    command = [adb, "-s", _transport(session).link.description, "shell", "taskset", mask, *argv]
    began_s = time.perf_counter()
    for _ in range(count):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def _transport(session: DeviceSession) -> AdbTransport:
    transport = session._transport
    if not isinstance(transport, AdbTransport):
        raise SystemExit(f"{session.device.name} is not reached over ADB")
    return transport


if __name__ == "__main__":
    main()
