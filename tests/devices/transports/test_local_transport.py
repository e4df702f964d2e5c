"""The local transport: commands end with the call, whatever happens, and nothing goes through a shell."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.local import LocalTransport


@pytest.fixture
def transport():
    transport = LocalTransport()
    yield transport
    transport.close()


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def _alive(pid: int) -> bool:
    """Running; a zombie that nobody has waited for yet does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_finds_packages_as_its_caller_does_and_behaves_as_usual(transport, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        monkeypatch.delenv(name)
    hostile = ("PYTHONSAFEPATH", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONDEVMODE", "PYTHONOPTIMIZE")
    for name in hostile:
        monkeypatch.setenv(name, "error" if name == "PYTHONWARNINGS" else "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["relative", "/absolute"]))
    monkeypatch.setenv("PYTHONHOME", sys.base_prefix)
    told = "import json, os; print(json.dumps({n: v for n, v in os.environ.items() if n.startswith('PYTHON')}))"
    kept = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "relative"), "/absolute"]), "PYTHONHOME": sys.base_prefix}
    assert json.loads(transport.run(_python(told)).stdout) == kept
    # Another Python has a standard library of its own.
    other = ["env", sys.executable, "-c", told]
    assert json.loads(transport.run(other).stdout) == {"PYTHONPATH": kept["PYTHONPATH"]}


def test_exit_code_and_both_streams_come_back(transport):
    done = transport.run(_python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_a_signal_is_a_negative_code(transport):
    assert transport.run(_python("import os; os.kill(os.getpid(), 9)")).returncode == -9


def test_lines_arrive_while_the_command_runs(transport):
    seen = []
    code = "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)"
    transport.run(_python(code), on_stdout=lambda line: seen.append((line, time.monotonic())))
    assert [line for line, _ in seen] == ["0\n", "1\n", "2\n"]
    assert seen[2][1] - seen[0][1] > 0.3, "all at once at the end is too late"


def test_words_are_not_read_by_a_shell(transport, tmp_path):
    marker = tmp_path / "ran"
    done = transport.run([*_python("import sys; print(sys.argv[1])"), f"$(touch {marker}); `id` 'x"])
    assert done.stdout == f"$(touch {marker}); `id` 'x\n"
    assert not marker.exists()


@pytest.mark.parametrize("limit", ["timeout_s", "idle_timeout_s"])
def test_a_hanging_command_is_stopped_with_its_children(transport, limit):
    pids = []
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(os.getpid(), child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    with pytest.raises(DeviceError, match=r"\d+ s and was stopped"):
        transport.run(_python(code), on_stdout=lambda line: pids.extend(map(int, line.split())), **{limit: 3})
    assert len(pids) == 2
    deadline = time.monotonic() + 120
    while any(map(_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, pids))


def test_an_error_in_the_listener_ends_the_command(transport):
    pids = []

    def listen(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transport.run(_python("import os, time; print(os.getpid(), flush=True); time.sleep(600)"), on_stdout=listen)
    assert not _alive(pids[0])


def test_a_flood_on_stderr_is_bounded_and_does_not_block(transport):
    done = transport.run(_python("import sys\nfor i in range(200000):\n    print('x' * 60, i, file=sys.stderr)"))
    assert done.returncode == 0
    assert len(done.stderr) < 2_000_000
    assert done.stderr.rstrip().endswith("199999"), "the end is what explains a crash"


def test_a_program_that_does_not_exist_says_what_to_check(transport):
    with pytest.raises(DeviceError, match=r"devices\.yaml"):
        transport.run(["/nowhere/python"])


def test_close_removes_the_work_directory(tmp_path):
    transport = LocalTransport()
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "a.py").write_text("pass")
    assert Path(transport.push(folder, "package"), "a.py").exists()
    workdir = transport.workdir
    transport.close()
    assert not os.path.exists(workdir)


def test_a_file_that_is_not_there_reads_as_none(transport):
    assert transport.read_text("/proc/no-such-file") is None
    assert transport.read_text("/proc/sys/kernel/osrelease")


def test_a_program_that_may_not_be_executed_is_told_as_that(transport, tmp_path):
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    with pytest.raises(DeviceError, match="chmod"):
        transport.run([str(tmp_path / "tool")])


def test_what_is_pulled_is_a_file_of_the_size_that_was_to_come(transport, tmp_path):
    (tmp_path / "file").write_bytes(bytes(100))
    transport.pull(str(tmp_path / "file"), tmp_path / "back", 100)
    assert (tmp_path / "back").read_bytes() == bytes(100)
    os.mkfifo(tmp_path / "pipe")
    for name, words in {"file": "100 bytes", "pipe": "not a file", "none": "No such file", ".": "not a file"}.items():
        with pytest.raises(DeviceError, match=words):
            transport.pull(str(tmp_path / name), tmp_path / "again", 99)
    assert not (tmp_path / "again").exists()
