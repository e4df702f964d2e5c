"""Temporary folders: gone with their process, or with the next one where it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latency_bench.devices.ownership import owner_state
from latency_bench.devices.temporary_folder import TemporaryFolder, remove_left_overs

MAKES = """
import os, signal, sys
from latency_bench.devices.temporary_folder import TemporaryFolder
first, second = TemporaryFolder("first"), TemporaryFolder("second")
(first.path / "data").write_text("x")
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "interrupted":
    raise KeyboardInterrupt
if sys.argv[1] == "living":
    print("made", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def made(how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAKES, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("how", ["ended", "interrupted"])
def test_nothing_outlives_a_process_that_forgot_its_folders(temporary, how):
    made(how).communicate(timeout=120)
    assert list(temporary.iterdir()) == []


INTERRUPTED = """
import os, sys
from pathlib import Path
from latency_bench.devices.temporary_folder import TemporaryFolder
place = Path(os.environ["TMPDIR"])
for calls in range(1, 2000):
    child = os.fork()
    if child == 0:
        break
    code = os.waitpid(child, 0)[1]
    if list(place.iterdir()):
        sys.exit(f"left when interrupted after {calls} calls")
    if code == 0:
        print(calls)
        sys.exit()
def interrupt(frame, event, argument):
    global calls
    calls -= event == "c_return"
    if calls == 0:
        sys.setprofile(None)
        os.kill(os.getpid(), int(sys.argv[1]))
sys.setprofile(interrupt)
TemporaryFolder("first")
sys.setprofile(None)
"""
"""Interrupted after the first, second, third ... call of a function in C, until it is through."""


def test_an_interruption_at_any_moment_of_making_one_leaves_nothing(temporary):
    program = [sys.executable, "-c", INTERRUPTED, str(int(signal.SIGINT))]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-300:]
    assert int(done.stdout) > 40


def test_what_a_killed_process_left_goes_with_the_next_folder(temporary):
    killed = made("killed")
    # Not waited for: a dead process that nobody has asked for is no owner.
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
    (left,) = temporary.iterdir()
    with TemporaryFolder("next", temporary) as folder:
        assert not left.exists()
        assert list(temporary.iterdir()) == [folder.parent]
    assert list(temporary.iterdir()) == []
    assert killed.wait() == -signal.SIGKILL


def test_folders_of_the_living_of_other_hosts_and_of_others_stay(temporary):
    with made("living") as process:
        assert process.stdout.readline() == "made\n"
        (folder,) = temporary.iterdir()
        assert owner_state(folder, process.pid) == "alive"
        assert remove_left_overs(temporary) == []
        process.kill()
    (folder / ".owner").write_text("another-host")
    (temporary / "bench-results").mkdir()
    (temporary / f"bench-{os.getuid() + 1}-1-00000000").mkdir()
    (temporary / f"bench-{os.getuid()}-1-00000000").symlink_to(temporary / "bench-results")
    assert remove_left_overs(temporary) == []
    # Unless it has not been at work for a week.
    os.utime(folder, (0, 0))
    assert remove_left_overs(temporary) == [folder]


def test_an_id_that_another_process_has_by_now_protects_nothing(temporary):
    folder = temporary / f"bench-{os.getuid()}-{os.getpid()}-00000000"
    folder.mkdir()
    assert owner_state(folder, os.getpid()) == "alive"  # just about to be claimed
    os.utime(folder, (0, 0))
    assert owner_state(folder, os.getpid()) == "dead"


def test_a_forked_child_has_folders_of_its_own(temporary):
    with TemporaryFolder("parent", temporary) as folder:
        child = os.fork()
        if child == 0:
            TemporaryFolder("child", temporary).remove()
            os._exit(0)
        os.waitpid(child, 0)
        assert folder.is_dir()
        assert owner_state(folder.parent, 2**31 - 1) == "alive"
