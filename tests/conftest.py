"""What all tests share: a cache of exports that is made once, and the command line as a user runs it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

# A shell starts its background jobs with Ctrl-C ignored, and every process below them inherits that: tests that send
# one would wait for ever where the suite runs in the background. A handler is not inherited, an ignored signal is.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something of the machine's load, and nothing of the code.
settings.register_profile("bench", deadline=None)
settings.load_profile("bench")


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


@pytest.fixture
def bench_environment(tmp_path: Path, shared_cache: Path, locks: Path) -> dict[str, str]:
    """Environment of a user with nothing configured: an empty home, an own store, the shared cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BENCH_", "XDG_"))}
    home = tmp_path / "home"
    home.mkdir()
    return {
        **kept,
        "HOME": str(home),
        "BENCH_CACHE": str(shared_cache),
        "BENCH_LOCKS": str(locks),
        "BENCH_STORE": str(tmp_path / "store"),
    }


@pytest.fixture
def bench(tmp_path: Path, bench_environment: dict[str, str]) -> Bench:
    """bench("models", "ls", env={...}): run the command in an empty folder, in a process of its own."""

    def run(*words: str, env: dict[str, str] | None = None, timeout_s: float = 300) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "latency_bench", *words],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**bench_environment, **(env or {})},
            timeout=timeout_s,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
