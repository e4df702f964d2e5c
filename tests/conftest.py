"""What all tests share: a cache of exports that is made once, and the command line as a user runs it."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A shell starts its background jobs with Ctrl-C ignored, and every process below them inherits that: tests that send
# one would wait for ever where the suite runs in the background. A handler is not inherited, an ignored signal is.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# The same with the hang-up that nohup has ignored; the tests themselves go on through one.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

# The suite starts thousands of processes of bench: they share what the first one compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Four processes of tests, and theirs, share the cores: threads that wait for each other take turns at best.
os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import warm_commands
import warm_conversions
import warm_labs
from warm_python import WarmProcess, WarmPython, run_warm, starts_alike

_AT_START = dict(os.environ)
_COMMANDS, _CONVERSIONS, _LABS = "BENCH_TEST_COMMANDS", "BENCH_TEST_CONVERSIONS", "BENCH_TEST_LABS"
"""Environment variables with the sockets of warm processes, from the first process of a run to its others."""

# How long an example takes says something of the machine's load, and nothing of the code.
settings.register_profile("bench", deadline=None)
settings.load_profile("bench")


def pytest_configure(config: pytest.Config) -> None:
    """One server each of warm commands, conversions and labs for all processes of a run. They import nothing until
    they are asked; under BENCH_TEST_COLD=1 nobody asks, and every process starts from nothing."""
    # Those that are there already serve the other processes of the run, and a run within a test.
    if _COMMANDS in os.environ or sys.platform != "linux" or os.environ.get("BENCH_TEST_COLD"):
        return
    conversions = WarmPython(warm_conversions.IMPORTED, os.environ).start()
    prepare = f"warm_commands:prepare:{conversions.socket}"
    commands = WarmPython(warm_commands.IMPORTED, os.environ, prepare).start()
    labs = WarmPython(warm_labs.IMPORTED, {**os.environ, **warm_labs.SETTINGS}).start()
    servers = {_COMMANDS: commands, _CONVERSIONS: conversions, _LABS: labs}
    os.environ |= {name: server.socket for name, server in servers.items()}

    def stop() -> None:
        for name, server in servers.items():
            os.environ.pop(name, None)
            server.stop()

    config.add_cleanup(stop)


GROUPS = {
    **dict.fromkeys(("browser", "example_store"), "chromium"),
    "_s3_server": "s3",
    **dict.fromkeys(("tflite_artifact", "tflite_outputs"), "litert_torch"),
}
"""Fixtures that start, make or import something for many seconds, and the group of the tests that need them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a module or a group prepares once is prepared in one process: the tests that share it go there together.
    They come first, so that no long row of them is left for one process when the others have ended."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None and (group := _group_of(item)):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def _group_of(item: pytest.Item) -> str | None:
    fixtures = getattr(item, "_fixtureinfo", None)  # pytest has no public name for it
    if fixtures is None:
        return None
    for name, group in GROUPS.items():
        if name in fixtures.name2fixturedefs:
            return group
    is_shared = any(
        definitions and definitions[-1].scope == "module" for definitions in fixtures.name2fixturedefs.values()
    )
    return item.location[0] if is_shared else None


HARDWARE_MARKERS = ("gpu", "no_gpu")
"""Of tests that a machine of CI may have to skip; every other test that is skipped there is a failure."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not any(item.get_closest_marker(name) for name in HARDWARE_MARKERS):
        _refuse_to_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_to_skip(report)
    return report


def _refuse_to_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Under CI a test that does not run is a failure: nobody reads the reasons of a run that is green."""
    if os.environ.get("CI") == "true" and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: skipped, which CI does not allow: {reason}"


@dataclass(frozen=True)
class Ran:
    """A `bench` command that ended."""

    returncode: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


Bench = Callable[..., Ran]


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """load_script("scripts/run_zoo.py"): a program of the repository that belongs to no package, as a module."""

    def load(path: str) -> ModuleType:
        file = Path(__file__).parents[1] / path
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Data classes look their module up by its name.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def find_python() -> Callable[[str], Path | None]:
    """find_python("3.6"): an interpreter of this version that runs, on PATH or where pyenv and uv keep theirs."""
    return installed_python


def installed_python(version: str) -> Path | None:
    home = Path.home()
    on_path = shutil.which(f"python{version}")
    folders = [Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions", home / ".local/share/uv/python"]
    names = [f"{version}.*/bin/python{version}", f"cpython-{version}.*/bin/python{version}"]
    elsewhere = [path for folder in folders for name in names for path in sorted(folder.glob(name))]
    print_version = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"
    for python in ([Path(on_path)] if on_path else []) + elsewhere:
        # One that is on PATH may be pyenv's stand-in for a version that is not selected.
        done = subprocess.run([python, "-c", print_version], check=False, capture_output=True, text=True)
        if (done.returncode, done.stdout) == (0, version):
            return python
    return None


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of this test's own: tests measure this computer side by side, which users must not."""
    folder = tmp_path / "locks"
    monkeypatch.setenv("BENCH_LOCKS", str(folder))
    return folder


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One export cache for all tests, and for all processes of a parallel run: an export is made once."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return root / "bench-cache"


@pytest.fixture(scope="session")
def kept_folder() -> Path:
    """What takes minutes to fetch and build, for many runs: BENCH_TEST_CACHE, or a folder of the user's."""
    named = os.environ.get("BENCH_TEST_CACHE")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / f"bench-test-cache-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def matplotlib_folder(shared_cache: Path) -> Path:
    """matplotlib's cache of fonts, made once: making it takes seconds, and prints a line that a test may stumble on."""
    folder = shared_cache.with_name("matplotlib")
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            environment = {**os.environ, "MPLCONFIGDIR": str(folder)}
            subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], check=True, env=environment)
    return folder


@pytest.fixture
def bench_environment(tmp_path: Path, shared_cache: Path, matplotlib_folder: Path, locks: Path) -> dict[str, str]:
    """Environment of a user with nothing configured: an empty home, an own store, the shared cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BENCH_", "XDG_"))}
    home = tmp_path / "home"
    home.mkdir()
    return {
        **kept,
        "HOME": str(home),
        "BENCH_CACHE": str(shared_cache),
        "BENCH_LOCKS": str(locks),
        "MPLCONFIGDIR": str(matplotlib_folder),
        "BENCH_STORE": str(tmp_path / "store"),
    }


BRIEF = """\
name: brief
rounds: 1
campaign_rounds: 1
warmup: {min_count: 2, max_count: 5, min_s: 0.01, max_s: 0.3, window: 0}
sampling: {min_count: 10, max_count: 20, min_s: 0.01, max_s: 2, relative_interval: null}
"""


@pytest.fixture
def brief(tmp_path: Path) -> tuple[str, str]:
    """bench("run", ..., *brief): by a protocol of a few requests, where what is measured does not matter."""
    path = tmp_path / "brief.yaml"
    path.write_text(BRIEF)
    return "--protocol", str(path)


WriteDevices = Callable[[dict[str, Any]], Path]


@pytest.fixture
def user_devices(tmp_path: Path) -> WriteDevices:
    """user_devices({"desk": {...}}): the user's own devices.yaml, in the home of `bench_environment`."""

    def write(devices: dict[str, Any]) -> Path:
        path = tmp_path / "home" / ".config" / "bench" / "devices.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"devices": devices}))
        return path

    return write


@pytest.fixture(scope="session", autouse=True)
def _warm_conversions() -> None:
    """Conversions that the tests themselves ask for, too, need not import torch each; but see `cold_conversions`."""
    if server := os.environ.get(_CONVERSIONS):
        warm_conversions.use(server)


@pytest.fixture
def cold_conversions(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of what a converter imports, or inherits from its interpreter's start."""
    from latency_bench.harness.export import process

    monkeypatch.setattr(process, "subprocess", subprocess)


@pytest.fixture
def bench(tmp_path: Path, bench_environment: dict[str, str], cold_bench: Bench) -> Bench:
    """bench("models", "ls", env={...}): run the command in an empty folder, in a process of its own. Where nothing
    that the interpreter reads at its start is different, it is one that has imported (scripts/warm_python.py).
    `env`: what differs from `bench_environment`; None for what is not there."""
    server = os.environ.get(_COMMANDS)

    def run(*words: str, env: dict[str, str | None] | None = None, cwd: Path = tmp_path, timeout_s: float = 560) -> Ran:
        environment = _merged(bench_environment, env)
        if server is None or not starts_alike(environment, _AT_START):
            return cold_bench(*words, env=env, cwd=cwd, timeout_s=timeout_s)
        done = run_warm(server, "latency_bench", words, cwd=cwd, env=environment, timeout_s=timeout_s)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def cold_bench(tmp_path: Path, bench_environment: dict[str, str]) -> Bench:
    """`bench` in a process that starts from nothing, for a test of what is imported, or of the start itself."""

    def run(*words: str, env: dict[str, str | None] | None = None, cwd: Path = tmp_path, timeout_s: float = 560) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "latency_bench", *words],
            check=False,
            capture_output=True,
            text=True,
            cwd=cwd,
            env=_merged(bench_environment, env),
            timeout=timeout_s,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def _merged(environment: dict[str, str], differences: dict[str, str | None] | None) -> dict[str, str]:
    merged = {**environment, **(differences or {})}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.fixture
def lab_server() -> str | None:
    """Where the processes of a lab start warm (scripts/warm_labs.py)."""
    return os.environ.get(_LABS)


OnTerminal = Callable[..., str]


def _start(
    words: tuple[str, ...], cwd: Path, env: dict[str, str], terminal: int
) -> subprocess.Popen[bytes] | WarmProcess:
    streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    if server := os.environ.get(_COMMANDS):
        return WarmProcess(server, "latency_bench", words, cwd=cwd, env=env, **streams)
    return subprocess.Popen([sys.executable, "-m", "latency_bench", *words], cwd=cwd, env=env, **streams)


@pytest.fixture
def on_terminal(bench_environment: dict[str, str], tmp_path: Path) -> OnTerminal:
    """on_terminal(60, "results", "ls"): what the command prints on a terminal so many columns wide, without styles."""

    def run(width: int, *words: str, timeout_s: float = 560) -> str:
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        environment = {name: value for name, value in bench_environment.items() if name not in ("COLUMNS", "NO_COLOR")}
        process = _start(words, cwd=tmp_path, env={**environment, "TERM": "xterm"}, terminal=child)
        os.close(child)
        printed = b""
        # The end of what a terminal printed is an error of the operating system.
        with contextlib.suppress(OSError):
            while part := os.read(parent, 65536):
                printed += part
        os.close(parent)
        process.wait(timeout_s)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.decode()).replace("\r\n", "\n")

    return run


InstallPackage = Callable[..., Path]


@pytest.fixture
def install_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstallPackage:
    """install_package("lab_pi", source, {"bench.probes": "pi = lab_pi:PiProbe"}): one module and its metadata."""
    site = tmp_path / "site-packages"

    def install(module: str, source: str, entry_points: dict[str, str]) -> Path:
        metadata = site / f"{module}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        groups = "".join(f"[{group}]\n{line}\n" for group, line in entry_points.items())
        (metadata / "entry_points.txt").write_text(groups)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return site

    return install


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once for each process of the tests: two of them do not go together in one."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.fail("no Chromium is installed, and the page has to be seen in one: scripts/install_test_tools.sh")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program)
        yield chromium
        chromium.close()
