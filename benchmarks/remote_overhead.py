"""What a remote run costs beyond measuring, and how fast files are pushed, against scp.

    python benchmarks/remote_overhead.py                 through an SSH server of its own on loopback
    python benchmarks/remote_overhead.py --device orin   of a device in devices.yaml (the overhead alone)

Overhead: wall time of the whole `bench run` command, less what the worker says it spent importing, loading, warming up
and sampling. The export is made before, so that the cache is warm. Push: a file of random bytes, new each time, by
`Transport.push` over an open session (its hash known here, checked there) and by scp over a connection of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
MODEL = ("--model", "b0-cls-r224", "--resolution", "64x64")
PROTOCOL = """name: overhead
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 50, min_s: 0.2, max_s: 0.5, window: 5}
sampling: {min_count: 30, max_count: 100000, min_s: 2, max_s: 2, relative_interval: null, confidence: 0.95}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", help="of devices.yaml, instead of loopback")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-overhead-") as name:
        folder = Path(name)
        (folder / "protocol.yaml").write_text(PROTOCOL)
        if options.device:
            _overheads([options.device], folder, options.runs, dict(os.environ))
            return
        server = _server_module().prepared_server(folder / "ssh")
        Path("/run/sshd").mkdir(exist_ok=True)
        server.start()
        try:
            device = {
                "transport": "ssh",
                "ssh": server.options(silence_s=30).model_dump(mode="json"),
                "python": [sys.executable],
                "runtime": "onnxruntime",
            }
            inventory = folder / "devices.yaml"
            inventory.write_text(json.dumps({"devices": {"loopback": device, "local": {"runtime": "onnxruntime"}}}))
            environment = {**os.environ, "BENCH_DEVICES": str(inventory)}
            _overheads(["local", "loopback"], folder, options.runs, environment)
            _pushes(server, folder, options.runs, options.megabytes)
        finally:
            server.stop()


def _server_module() -> ModuleType:
    """The server of the tests."""
    path = ROOT / "tests" / "devices" / "ssh" / "conftest.py"
    spec = importlib.util.spec_from_file_location("ssh_server", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ssh_server"] = module
    spec.loader.exec_module(module)
    return module


def _overheads(devices: list[str], folder: Path, runs: int, environment: dict[str, str]) -> None:
    """Interleaved, so that a slow moment of the machine meets all of them."""
    added: dict[str, list[float]] = {name: [] for name in devices}
    for run in range(runs + 1):
        for name in devices:
            wall_s, measuring_s = _run(name, folder, environment)
            # The first fills the caches: of exports here, of pushed files there.
            if run:
                added[name].append(wall_s - measuring_s)
    for name, seconds in added.items():
        print(f"overhead {name}: median {statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f} s")
    if len(devices) == 2:
        print(f"of the link alone: {statistics.median(added[devices[1]]) - statistics.median(added[devices[0]]):.2f} s")


def _run(device: str, folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    command = [
        sys.executable,
        "-m",
        "latency_bench.harness.cli.main",
        "run",
        "--device",
        device,
        *MODEL,
        "--quiet",
        "--json",
    ]
    command += ["--protocol", str(folder / "protocol.yaml"), "--store", str(folder / "store")]
    began_s = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)
    wall_s = time.perf_counter() - began_s
    record: dict[str, Any] = json.loads((Path(json.loads(done.stdout)["path"]) / "record.json").read_text())
    facts = [one["facts"] for one in record["rounds"]]
    spent_ns = sum(one["import_ns"] + one["load_ns"] + one["warmup"]["elapsed_ns"] + one["elapsed_ns"] for one in facts)
    return wall_s, spent_ns / 1e9


def _pushes(server: Any, folder: Path, runs: int, megabytes: int) -> None:
    from latency_bench.devices.transports.ssh import SshTransport
    from latency_bench.devices.transports.ssh_client import client_options

    options = server.options(silence_s=30)
    control = ["-o", f"ControlPath={folder}/control"]
    master = subprocess.Popen(
        ["ssh", "-M", "-N", *control, *_plain(client_options(options)), options.host], stdin=subprocess.DEVNULL
    )
    transport = SshTransport(options)
    ours: list[float] = []
    theirs: list[float] = []
    file = folder / "content"
    try:
        for _ in range(runs):
            file.write_bytes(os.urandom(megabytes * 1_000_000))
            # As in a run: the export knows its own hash.
            transport.content_is(file, hashlib.sha256(file.read_bytes()).hexdigest())
            began_s = time.perf_counter()
            transport.push(file, "content")
            ours.append(time.perf_counter() - began_s)
            target = f"{options.user}@{options.host}:{folder}/copied"
            words = ["scp", "-q", *control, *_for_scp(_plain(client_options(options))), str(file), target]
            began_s = time.perf_counter()
            subprocess.run(words, check=True)
            theirs.append(time.perf_counter() - began_s)
    finally:
        transport.close()
        master.terminate()
        master.wait()
    push_s, scp_s = statistics.median(ours), statistics.median(theirs)
    print(f"push {megabytes} MB: {megabytes / push_s:.0f} MB/s, verified there; scp: {megabytes / scp_s:.0f} MB/s")
    print(f"push takes {push_s / scp_s:.2f} times as long as scp")


def _plain(words: list[str]) -> list[str]:
    """With the cipher that a user's ssh chooses."""
    pairs = zip(words[::2], words[1::2], strict=True)
    return [word for pair in pairs if not pair[1].startswith("Ciphers=") for word in pair]


def _for_scp(words: list[str]) -> list[str]:
    """scp's letter for the port is another, and it takes the user in the target."""
    found = []
    for option, value in zip(words[::2], words[1::2], strict=True):
        if option != "-l":
            found += ["-P" if option == "-p" else option, value]
    return found


if __name__ == "__main__":
    main()
