"""Installing what the tests use while somebody else has apt's lock: wait for it, and show what went wrong."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/install_test_tools.sh"
LOCK = Path("/var/lib/dpkg/lock-frontend")
needs_apt = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("apt-get") is None, reason="installing is for root on a Debian system"
)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A PATH on which everything is but Chromium, which is installed already: apt has a package to look at."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in ("/bin", "/usr/bin", "/usr/sbin", "/sbin"):
        for program in Path(folder).iterdir():
            if not program.name.startswith(("chromium", "google-chrome")) and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    return {**os.environ, "PATH": str(programs)}


@pytest.fixture
def apt_lock() -> Iterator[int]:
    with LOCK.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield file.fileno()


@needs_apt
def test_a_lock_that_is_let_go_is_waited_for(environment: dict[str, str], apt_lock: int) -> None:
    letting_go = threading.Timer(2, lambda: fcntl.lockf(apt_lock, fcntl.LOCK_UN))
    letting_go.start()
    done = subprocess.run([SCRIPT], check=False, capture_output=True, text=True, env=environment)
    letting_go.join()
    assert done.returncode == 0, done.stderr
    assert "chromium" in done.stdout


@needs_apt
def test_an_installation_that_fails_is_an_error_with_its_reason(environment: dict[str, str], apt_lock: int) -> None:
    environment["BENCH_APT_LOCK_WAIT_S"] = "1"
    done = subprocess.run([SCRIPT], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "could not be installed, so that some tests cannot run: chromium" in done.stderr
    assert "Could not get lock" in done.stderr
