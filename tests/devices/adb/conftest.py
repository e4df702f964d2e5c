"""A real daemon to talk to, through both backends."""

from __future__ import annotations

import fcntl
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
sys.path.insert(0, str(Path(__file__).parent))

import build_bench_onnxruntime
from build_benchmark_model import build
from debian_adbd import FIRST_PORT, CannotRunError, Daemon, Namespace, adbd_root, android_programs
from debian_build import BuildError
from debian_packages import CannotFetchError
from fake_daemon import FakeDaemon
from loopback_phone import LoopbackPhone
from phone_runs import PROTOCOL, TFLITE, leftovers, records

from latency_bench.devices.transports.adb import AdbTransport, open_link
from latency_bench.devices.transports.adb_options import AdbOptions

BACKENDS = ("program", "adb-shell")
_FAKE_PORTS = itertools.count(15655)
"""A fresh one each time: the adb server remembers addresses."""


@pytest.fixture(scope="session")
def adbd(kept_folder: Path) -> Path:
    pytest.importorskip("adb_shell", reason="install the extra [android]")
    pytest.importorskip("adbutils", reason="install the extra [android]")
    try:
        return adbd_root(kept_folder)
    except CannotRunError as reason:
        pytest.skip(f"no real adbd here: {reason}")


@pytest.fixture(scope="session")
def real_tool(kept_folder: Path) -> Path:
    """A real benchmark_model of TFLite 2.14.1 with XNNPACK, for this machine; minutes the first time."""
    try:
        with (kept_folder / "benchmark_model.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return build(kept_folder / "benchmark_model-2.14.1")
    except (BuildError, CannotFetchError) as reason:
        pytest.skip(f"no real benchmark_model here: {reason}")


@pytest.fixture(scope="session")
def onnxruntime_program(kept_folder: Path) -> Path:
    """The real bench-onnxruntime over Debian's ONNX Runtime; a minute the first time."""
    try:
        with (kept_folder / "bench-onnxruntime.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return build_bench_onnxruntime.build(kept_folder / "bench-onnxruntime")
    except (BuildError, CannotFetchError) as reason:
        pytest.skip(f"no real bench-onnxruntime here: {reason}")


@pytest.fixture(scope="module")
def namespace(adbd: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """The tests of a module run inside it, with a home of their own for keys and for the adb server."""
    try:
        space = Namespace()
    except CannotRunError as reason:
        pytest.skip(f"no real adbd here: {reason}")
    home = tmp_path_factory.mktemp("home")
    changed = pytest.MonkeyPatch()
    changed.setenv("HOME", str(home))
    changed.delenv("ADB_SERVER_SOCKET", raising=False)
    changed.delenv("ANDROID_SERIAL", raising=False)
    changed.setenv("ADB_MDNS", "0")
    # There is nothing to find, and the server looks for three seconds before it answers.
    changed.setenv("ADB_USB", "0")
    try:
        with space.entered():
            yield space
            from latency_bench.devices.transports.adb_program import find_program

            subprocess.run([find_program(AdbOptions()), "kill-server"], check=False, capture_output=True)
    finally:
        changed.undo()
        space.close()


@pytest.fixture
def phone_programs(tmp_path: Path) -> Path:
    """Stand-ins for the phone's own programs, in front of the daemon's PATH."""
    folder = tmp_path / "phone-bin"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def toybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a phone."""
    try:
        return android_programs(tmp_path_factory.mktemp("android") / "bin")
    except CannotRunError as reason:
        pytest.skip(f"no phone's own shell here: {reason}")


StartDaemon = Callable[[], Daemon]


@pytest.fixture
def start_daemon(
    adbd: Path, namespace: Namespace, phone_programs: Path, toybox: Path, tmp_path: Path
) -> Iterator[StartDaemon]:
    started: list[Daemon] = []

    def start() -> Daemon:
        port, log = FIRST_PORT + len(started), tmp_path / "adbd.log"
        started.append(Daemon(adbd, port, phone_programs, log, others=toybox))
        return started[-1]

    yield start
    from latency_bench.devices.transports.adb_program import find_program

    subprocess.run([find_program(AdbOptions()), "disconnect"], check=False, capture_output=True, timeout=120)
    for daemon in started:
        daemon.kill()


@pytest.fixture
def loopback_phone(phone_programs: Path, tmp_path: Path) -> LoopbackPhone:
    """A phone that is ready; the test may set what it says of itself."""
    return LoopbackPhone(phone_programs, tmp_path / "phone-system")


StartPhone = Callable[..., Daemon]


@pytest.fixture
def start_phone(
    adbd: Path, namespace: Namespace, loopback_phone: LoopbackPhone, toybox: Path, tmp_path: Path
) -> Iterator[StartPhone]:
    """start_phone(): the daemon of the loopback phone; `others` are its programs in the place of toybox's."""
    started: list[Daemon] = []

    def start(others: Path | None = None) -> Daemon:
        number = len(started)
        daemon = Daemon(
            *(adbd, FIRST_PORT + 50 + number, loopback_phone.programs, tmp_path / "phone.log"),
            mounts=loopback_phone.mounts,
            others=others or toybox,
        )
        started.append(daemon)
        return daemon

    yield start
    from latency_bench.devices.transports.adb_program import find_program

    subprocess.run([find_program(AdbOptions()), "disconnect"], check=False, capture_output=True, timeout=120)
    for daemon in started:
        daemon.kill()


@pytest.fixture
def daemon(start_daemon: StartDaemon) -> Daemon:
    return start_daemon()


@pytest.fixture(params=BACKENDS)
def options(request: pytest.FixtureRequest, daemon: Daemon, tmp_path: Path) -> AdbOptions:
    """How to reach the daemon, by each backend."""
    return AdbOptions(
        host="127.0.0.1",
        port=daemon.port,
        backend=request.param,
        folder=str(tmp_path / "device"),
        key=tmp_path / "keys" / "adbkey",
    )


@pytest.fixture
def transport(options: AdbOptions) -> Iterator[AdbTransport]:
    opened = AdbTransport(open_link(options), options.folder)
    yield opened
    opened.close()


MakeTool = Callable[[str], Path]


@pytest.fixture
def make_tool(tmp_path: Path) -> MakeTool:
    """make_tool("hang"): the stand-in for benchmark_model that fails in this way; "replay" works, and "compute" gives
    outputs too, by the interpreter of this Python."""

    def make(mode: str) -> Path:
        text = (Path(__file__).parent / "stand_in_tool.py").read_text()
        if mode == "compute":
            text = text.replace("#!/usr/bin/env python3", f"#!{sys.executable}")
        path = tmp_path / f"tool-{mode}"
        path.write_text(text.replace('MODE = "replay"', f"MODE = {mode!r}"))
        return path

    return make


@pytest.fixture
def phone(phone_programs: Path) -> Path:
    """Makes the daemon's machine answer like a phone; `log` in the folder has the calls of `cmd`."""
    programs = {
        "getprop": """\
echo '[ro.soc.manufacturer]: [QTI]'
echo '[ro.soc.model]: [SM8450]'
echo '[ro.product.model]: [Stand-in 12]'
echo '[ro.product.cpu.abi]: [arm64-v8a]'
echo '[ro.build.version.release]: [13]'""",
        "dumpsys": """\
case $1 in
  thermalservice) echo 'IsStatusOverride: false'; echo 'Thermal Status: 0' ;;
  battery) printf '  AC powered: false\\n  USB powered: true\\n  status: 2\\n  level: 87\\n  temperature: 291\\n' ;;
  power) echo '  mWakefulness=Awake' ;;
esac""",
        "settings": "echo 0",
        "cmd": f'echo "$*" >> {phone_programs}/log',
    }
    for name, text in programs.items():
        path = phone_programs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return phone_programs


WriteDevices = Callable[..., None]


@pytest.fixture
def write_phone(tmp_path: Path, start_phone: StartPhone, user_devices: Callable[..., Path]) -> WriteDevices:
    """As `write_devices`, for the loopback phone."""
    return _writer(tmp_path, start_phone().port, user_devices)


@pytest.fixture
def write_phone_at(tmp_path: Path, user_devices: Callable[..., Path]) -> Callable[..., None]:
    """write_phone_at(port, tool): the same for a daemon that the test has started itself."""
    return lambda port, tool: _writer(tmp_path, port, user_devices)(tool)


@pytest.fixture
def write_devices(tmp_path, daemon, phone, user_devices):
    """Writes devices.yaml with the device `phone`; the arguments are what differs from a good one."""

    return _writer(tmp_path, daemon.port, user_devices)


def _writer(tmp_path: Path, port: int, user_devices: Callable[..., Path]) -> WriteDevices:
    def write(tool: Path | None, backend: str = "program", **differences: object) -> None:
        settings = {"runs": 4, "warmup_runs": 2, "max_process_s": 5}
        device = {
            "transport": "adb",
            "runner": "benchmark_model",
            "probes": ["android"],
            "runtime": "litert",
            "adb": {
                "host": "127.0.0.1",
                "port": port,
                "backend": backend,
                "folder": str(tmp_path / "device"),
                "key": str(tmp_path / "adbkey"),
            },
            "benchmark_model": {**settings, **({"binary": str(tool)} if tool else {})},
        }
        for name, value in differences.items():
            device[name] = {**device.get(name, {}), **value} if isinstance(value, dict) else value
        user_devices({"phone": device})
        (tmp_path / "short.yaml").write_text(PROTOCOL)

    return write


@pytest.fixture
def run_phone(bench):
    def run(*words: str):
        return bench(
            "run", "--device", "phone", "--tflite", str(TFLITE), "--protocol", "short.yaml", *words, timeout_s=120
        )

    return run


@pytest.fixture
def next_run_works(tmp_path, write_devices, run_phone, make_tool):
    """Checks that only `before` runs are stored, none of them finished, and that a good run comes after them.

    A session that lost its device leaves its folder there (a later one removes it after a day), but nothing else.
    """

    def check(before: int) -> None:
        assert [record["status"] for record in records(tmp_path)] == ["failed"] * before
        abandoned = set(leftovers(tmp_path))
        assert all("/device/session-" in one for one in abandoned), abandoned
        write_devices(make_tool("replay"))
        done = run_phone()
        assert done.returncode == 0, done.stderr
        assert [record["status"] for record in records(tmp_path)].count("done") == 1
        assert set(leftovers(tmp_path)) <= abandoned

    return check


@pytest.fixture
def fake(namespace: object) -> Iterator[Callable[..., int]]:
    started: list[FakeDaemon] = []

    def start(ask: bool, old: bool = False) -> int:
        port = next(_FAKE_PORTS)
        started.append(FakeDaemon(ask, port, old))
        return port

    yield start
    for one in started:
        one.close()
