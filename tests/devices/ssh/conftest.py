"""An SSH server of the test's own: OpenSSH's, on loopback, with its own keys, port, configuration and known hosts."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from latency_bench.devices.transports.ssh_options import SshOptions
from tests.loopback_sshd import started, unused_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass
class Server:
    """A server that tests may break."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    sessions: set[int] = field(default_factory=set)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def work(self) -> Path:
        """The device's work directory."""
        return self.folder / "work"

    @property
    def locks(self) -> Path:
        """Where the device's locks lie."""
        return self.folder / "device-locks"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def options(self, **changes: Any) -> SshOptions:
        fields: dict[str, Any] = {
            "host": "127.0.0.1",
            "user": getpass.getuser(),
            "port": self.port,
            "key": self.folder / "user_key",
            "known_hosts": self.known_hosts,
            "work_directory": str(self.work),
            "connect_timeout_s": 10,
            "silence_s": 3,
        }
        return SshOptions(**{**fields, **changes})

    def start(self) -> None:
        self.process = started(
            [str(SSHD), "-D", "-e", "-f", str(self.folder / "sshd_config")], self.folder / "sshd.log", self.port
        )

    def stop(self) -> None:
        if self.process is not None:
            self.cut()
            self.process.terminate()
            self.process.wait()
            self.process = None

    def cut(self) -> None:
        """Kill the server's side of every connection at once, as a device does that loses its power or network."""
        assert self.process is not None
        for pid in self.connections():
            # One that is just ending by itself is cut, too.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def connections(self) -> list[int]:
        """The server's processes of open connections, which are its descendants called sshd."""
        assert self.process is not None
        found = [
            pid
            for pid in _descendants(self.process.pid)
            if (_read(f"/proc/{pid}/comm") or "").strip().startswith("sshd")
        ]
        return found[::-1]

    def started_here(self) -> list[str]:
        """Command lines of all processes that have to do with this server's work directory, none if all is tidy."""
        lines = [
            (_read(f"/proc/{folder.name}/cmdline") or "") for folder in Path("/proc").iterdir() if folder.name.isdigit()
        ]
        return [line.replace("\0", " ")[-300:] for line in lines if str(self.work) in line]

    def wait_until_tidy(self, timeout_s: float = 120) -> None:
        """No process of ours on the device, no session's folder."""
        deadline_s = time.monotonic() + timeout_s
        while self.started_here() or list(self.work.glob("session.*")):
            if time.monotonic() > deadline_s:
                raise AssertionError(f"left behind: {self.started_here()}, {list(self.work.glob('session.*'))}")
            time.sleep(0.05)


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return None


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in (_read(str(task)) or "").split():
            found += [int(child), *_descendants(int(child))]
    return found


def prepared_server(folder: Path) -> Server:
    """A server that is not started yet; its keys, configuration and known hosts lie in `folder`, which is made."""
    folder.mkdir(mode=0o700)
    port = unused_port()
    server = Server(folder, port)
    server.home.mkdir()
    for name in ("host_key", "user_key"):
        make_key(folder / name)
    (folder / "authorized_keys").write_text((folder / "user_key.pub").read_text())
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    server.known_hosts.write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (folder / "sshd_config").write_text(
        f"""
        Port {port}
        ListenAddress 127.0.0.1
        HostKey {folder}/host_key
        AuthorizedKeysFile {folder}/authorized_keys
        PidFile none
        StrictModes no
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        UsePAM no
        PermitRootLogin yes
        MaxSessions 20
        Subsystem sftp internal-sftp
        PermitUserEnvironment no
        SetEnv HOME={server.home} BENCH_TEST_SERVER={port} BENCH_LOCKS={server.locks}
        """
    )
    return server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server. Skips where OpenSSH's server is not installed or may not be started."""
    if SSHD is None:
        pytest.skip(
            "OpenSSH's server is not installed: run scripts/install_test_tools.sh, or apt install openssh-server"
        )
    server = prepared_server(tmp_path / "ssh")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def bash_at_login() -> None:
    """For start files: sshd runs commands with the user's own shell, and ~/.bashrc is bash's. Skips with another."""
    shell = pwd.getpwuid(os.getuid()).pw_shell
    if Path(shell).name != "bash":
        pytest.skip(f"this user's login shell is {shell}, which reads no ~/.bashrc: chsh -s /bin/bash")


def make_key(path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench test", "-f", str(path)], check=True, timeout=120
    )


STANDINS = Path(__file__).parent / "standins"
RECORDED = Path(__file__).parent.parent / "runners" / "data" / "trtexec"
FAST = """name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 2, max_count: 50, min_s: 0.05, max_s: 0.5, window: 5}
sampling: {min_count: 30, max_count: 500, min_s: 0.2, max_s: 5, relative_interval: null, confidence: 0.95}
"""
TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")


@dataclass
class Remote:
    """A device called `remote` in a devices.yaml, behind the server, and the command line to measure on it."""

    server: Server
    bench: Callable[..., Any]
    folder: Path
    user_devices: Callable[[dict[str, Any]], Path]

    def configure(self, ssh: dict[str, Any] | None = None, **fields: Any) -> None:
        options = self.server.options(**(ssh or {})).model_dump(mode="json")
        # One export for all of these tests: ONNX of the opset that the oldest Jetson reads.
        device: dict[str, Any] = {
            "transport": "ssh",
            "ssh": options,
            "python": [sys.executable],
            "runtime": "onnxruntime",
            "onnx_opset": 13,
            **fields,
        }
        self.user_devices({"remote": device})

    def jetson(self, version: str, ssh: dict[str, Any] | None = None, **fields: Any) -> None:
        self.configure(
            ssh=ssh,
            runner="trtexec",
            runtime="tensorrt",
            probes=["linux", "jetson"],
            trtexec={"program": "trtexec", **fields.pop("trtexec", {})},
            **fields,
        )
        self.set_environment(TRTEXEC_VERSION=version)

    def set_environment(self, **more: str) -> None:
        """What commands on the device see."""
        values = {
            "HOME": self.server.home,
            "BENCH_LOCKS": self.server.locks,
            "PATH": f"{STANDINS}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "BENCH_STANDIN_STATE": self.folder,
            "TRTEXEC_DATA": RECORDED,
            "TRTEXEC_CALLS": self.folder / "trtexec.calls",
            "OMP_NUM_THREADS": "1",
            **more,
        }
        words = " ".join(f"{name}={value}" for name, value in values.items())
        path = self.server.folder / "sshd_config"
        lines = [line for line in path.read_text().splitlines() if "SetEnv" not in line]
        path.write_text("\n".join([*lines, f"SetEnv {words}", ""]))
        self.server.stop()
        self.server.start()

    def command(self, *more: str) -> list[str]:
        return ["run", "--device", "remote", *TINY, "--protocol", str(self.folder / "fast.yaml"), "--quiet", *more]

    def run(self, *more: str, **options: Any) -> Any:
        return self.bench(*self.command(*more), **options)

    def begin(self, environment: dict[str, str], *more: str) -> subprocess.Popen[str]:
        """`bench run` in the background. The model is exported before: what is broken afterwards is the link."""
        self.bench("export", *TINY, "--format", "onnx", "--opset", "13", "--to", str(self.folder / "tiny.onnx"))
        return subprocess.Popen(
            [sys.executable, "-m", "latency_bench", *self.command(*more)],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def assert_failed(self, done: Any, *words: str) -> None:
        """A clear error, exit code 1, nothing left on the device, nothing half stored."""
        assert done.returncode == 1, done.stderr + done.stdout
        # A result is set in lines of a fixed width.
        said = " ".join((done.stderr + done.stdout).split())
        for word in words:
            assert word in said
        assert "Traceback" not in done.stderr
        self.server.wait_until_tidy()
        assert all(run["status"] == "failed" for run in self.stored())

    def stored(self) -> list[dict[str, Any]]:
        """What the store holds, which has to be whole."""
        verified = self.bench("results", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        runs: list[dict[str, Any]] = self.bench("results", "ls", "--json").json()
        return runs


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """wait_until(condition, process): until it holds; a process that ends before is an error."""

    def wait(condition: Callable[[], object], process: Any = None, timeout_s: float = 120) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if process is not None and process.poll() is not None:
                raise AssertionError(f"ended too early: {process.communicate()}")
            assert time.monotonic() < deadline_s, "it never came to that"
            time.sleep(0.05)

    return wait


@pytest.fixture
def remote(
    server: Server, bench: Callable[..., Any], tmp_path: Path, user_devices: Callable[[dict[str, Any]], Path]
) -> Remote:
    (tmp_path / "fast.yaml").write_text(FAST)
    one = Remote(server, bench, tmp_path, user_devices)
    one.configure()
    return one
