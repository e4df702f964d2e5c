"""The SSH transport against a real server: quoting, files, time limits, and what is left when a link breaks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports.ssh import SshTransport
from latency_bench.devices.transports.ssh_client import client_options, remote_command


@pytest.fixture
def transport(server):
    one = SshTransport(server.options())
    yield one
    one.close()
    server.wait_until_tidy()


NASTY = ["a b", "'", '"', "$HOME", "`id`", "$(id)", ";id", "*", "\\", "a\nb", "", "-n", "&& id", "é", "!x", "|cat"]


def test_no_word_of_a_command_is_taken_for_anything_else(transport):
    program = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['X']]))"
    done = transport.run([sys.executable, "-c", program, *NASTY], env={"X": "1 '$HOME'\n;id"})
    import json

    assert json.loads(done.stdout) == [NASTY, "1 '$HOME'\n;id"]
    assert done.returncode == 0


def test_output_streams_and_codes(transport):
    done = transport.run(["sh", "-c", "echo out; echo; echo err >&2; echo; exit 3"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n\n\n", "err\n")
    assert transport.run(["sh", "-c", "kill -KILL $$"]).returncode == -9
    assert transport.run(["/no/such/program"]).returncode == 127
    lines: list[str] = []
    assert transport.run(["seq", "3"], on_stdout=lines.append).stdout == ""
    assert lines == ["1\n", "2\n", "3\n"]


def test_commands_run_in_a_folder_of_the_session(transport, server):
    assert transport.run(["pwd"]).stdout.strip() == transport.workdir
    assert Path(transport.workdir).parent == server.work
    assert Path(transport.workdir).stat().st_mode & 0o077 == 0


def test_small_files_and_patterns(transport, tmp_path):
    (tmp_path / "a 1").write_text("one\ntwo")
    (tmp_path / "a 2").write_bytes(b"NVIDIA Jetson\0")
    assert transport.read_text(f"{tmp_path}/a 1") == "one\ntwo\n"
    assert transport.read_text(f"{tmp_path}/a 2") == "NVIDIA Jetson\n"
    assert transport.read_text(f"{tmp_path}/none") is None
    assert transport.read_text(str(tmp_path)) is None
    assert (
        transport.read_text("/proc/cpuinfo") == Path("/proc/cpuinfo").read_text()
        or "MHz" in Path("/proc/cpuinfo").read_text()
    ), "a clock may have changed between the two"
    assert transport.glob(f"{tmp_path}/a*") == [f"{tmp_path}/a 1", f"{tmp_path}/a 2"]
    assert transport.glob(f"{tmp_path}/$(touch${{IFS}}{tmp_path}/pwned)*") == []
    assert not (tmp_path / "pwned").exists()
    with pytest.raises(ValueError, match="line break"):
        transport.read_text("/etc/hostname\nfarewell")


def test_clocks_agree_on_one_machine(transport):
    assert abs(transport.clock_offset_ns()) < 500_000_000


def test_a_file_is_carried_once_and_comes_back_whole(transport, server, tmp_path):
    model = tmp_path / "model"
    model.write_bytes(os.urandom(3_000_000))
    remote = transport.push(model, "model.onnx")
    assert remote == f"{transport.workdir}/model.onnx"
    assert Path(remote).read_bytes() == model.read_bytes()
    stored = Path(remote).resolve()
    inode = stored.stat().st_ino
    transport.push(model, "again.onnx")
    assert (Path(transport.workdir) / "again.onnx").resolve().stat().st_ino == inode
    assert [path.name for path in (server.work / "store").iterdir()] == [stored.name]
    transport.pull(remote, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == model.read_bytes()
    # Another content under the same name takes its place.
    model.write_bytes(b"other")
    assert Path(transport.push(model, "model.onnx")).read_bytes() == b"other"


def test_an_empty_file_and_a_folder(transport, tmp_path):
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "folder" / "sub" / "x.py").write_text("1")
    (tmp_path / "folder" / "empty").touch()
    (tmp_path / "folder" / "__pycache__").mkdir()
    (tmp_path / "folder" / "__pycache__" / "x.pyc").touch()
    remote = Path(transport.push(tmp_path / "folder", "there"))
    found = sorted(str(path.relative_to(remote)) for path in remote.rglob("*") if path.is_file())
    assert found == ["empty", "sub/x.py"]
    assert Path(transport.push(tmp_path / "folder" / "empty", "e")).read_bytes() == b""


def test_what_arrived_of_a_file_is_not_carried_again(transport, server, tmp_path):
    import hashlib

    content = os.urandom(2_000_000)
    model = tmp_path / "model"
    model.write_bytes(content)
    part = server.work / "store" / f"part-{hashlib.sha256(content).hexdigest()}"
    part.write_bytes(content[:1_500_000])
    inode = part.stat().st_ino
    remote = Path(transport.push(model, "model"))
    assert remote.read_bytes() == content
    assert remote.resolve().stat().st_ino == inode


def test_a_broken_part_is_thrown_away(transport, server, tmp_path):
    import hashlib

    content = os.urandom(1_000_000)
    model = tmp_path / "model"
    model.write_bytes(content)
    part = server.work / "store" / f"part-{hashlib.sha256(content).hexdigest()}"
    part.write_bytes(b"x" * 500_000)
    assert Path(transport.push(model, "model")).read_bytes() == content
    assert not part.exists()


@pytest.mark.parametrize("name", ["../evil", "a/b", "-n", "", ".hidden", "a b"])
def test_names_that_are_paths_or_options_are_refused(transport, tmp_path, name):
    (tmp_path / "x").write_text("x")
    with pytest.raises(DeviceError, match="cannot be the name"):
        transport.push(tmp_path / "x", name)


def test_pulling_what_is_not_there(transport, tmp_path):
    with pytest.raises(DeviceError, match="No such file"):
        transport.pull("/no/such/file", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_full_disk_is_said_and_the_session_goes_on(server, tmp_path):
    small = server.folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    transport = None
    try:
        transport = SshTransport(server.options(work_directory=str(small / "work")))
        (tmp_path / "big").write_bytes(bytes(1_000_000))
        (tmp_path / "little").write_bytes(b"fits")
        with pytest.raises(DeviceError, match=r"cannot be written.*No space left.*work_directory"):
            transport.push(tmp_path / "big", "big")
        assert Path(transport.push(tmp_path / "little", "little")).read_bytes() == b"fits"
    finally:
        if transport is not None:
            transport.close()
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_time_limits_end_the_command_there_too(transport, server):
    for limit in ({"timeout_s": 0.5}, {"idle_timeout_s": 0.5}):
        with pytest.raises(DeviceError, match=r"0\.5 s and was stopped"):
            transport.run(["sh", "-c", f"exec sleep 1000 # {server.work}"], **limit)
    _wait(lambda: not [line for line in server.started_here() if "sleep 1000" in line])
    assert transport.run(["echo", "next"]).stdout == "next\n"


def test_children_of_a_command_die_with_it(transport, server):
    mark = f"{server.work}/child"
    done = transport.run(["sh", "-c", f"sh -c 'sleep 1000; : {mark}' >/dev/null 2>&1 & echo started"])
    assert done.stdout == "started\n"
    _wait(lambda: not [line for line in server.started_here() if mark in line])


def test_an_error_of_the_listener_ends_the_command(transport, server):
    def refuse(line: str) -> None:
        raise RuntimeError("not mine")

    with pytest.raises(RuntimeError, match="not mine"):
        transport.run(["sh", "-c", f"echo x; sleep 1000; : {server.work}/y"], on_stdout=refuse)
    _wait(lambda: not [line for line in server.started_here() if "/y" in line])


def test_a_cut_link_is_an_error_and_what_ran_there_ends(server):
    transport = SshTransport(server.options())
    ended = server.folder / "ended"
    transport.at_end(["touch", str(ended)])
    threading.Timer(1.0, server.cut).start()
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
        transport.run(["sh", "-c", f"sleep 1000; : {server.work}/z"])
    with pytest.raises(UnreachableError):
        transport.read_text("/proc/loadavg")
    with pytest.raises(UnreachableError):
        transport.push(Path(__file__), "x")
    with pytest.raises(UnreachableError):
        transport.pull("/etc/hostname", server.folder / "pulled")
    transport.close()
    server.wait_until_tidy()
    assert ended.exists(), "what was to be put back was put back by the device alone"


def test_what_is_removed_takes_no_room_any_more(transport, server, tmp_path):
    remotes = []
    for number in range(3):
        (tmp_path / "values.npy").write_bytes(bytes([number]) * 1000)
        remotes.append(transport.push(tmp_path / "values.npy", f"values-{number}.npy"))
    kept = Path(remotes[2]).resolve()
    transport.remove(remotes[:2])
    assert [remote for remote in remotes if Path(remote).exists()] == remotes[2:]
    assert list((server.work / "store").iterdir()) == [kept]


def test_a_link_cut_while_pushing_leaves_a_part_that_the_next_session_goes_on_with(server, tmp_path):
    model = tmp_path / "model"
    with model.open("wb") as file:
        file.truncate(400_000_000)
    transport = SshTransport(server.options())
    store = server.work / "store"
    _cut_when(server, lambda: any(path.stat().st_size for path in store.glob("part-*")))
    with pytest.raises(UnreachableError, match="model was pushed"):
        transport.push(model, "model")
    transport.close()
    server.wait_until_tidy()
    (part,) = store.glob("part-*")
    assert 0 < part.stat().st_size < 400_000_000
    inode = part.stat().st_ino
    again = SshTransport(server.options())
    remote = Path(again.push(model, "model"))
    assert (remote.stat().st_size, remote.resolve().stat().st_ino) == (400_000_000, inode)
    again.close()


def test_a_link_cut_while_pulling_leaves_nothing(server, tmp_path):
    with (server.folder / "big").open("wb") as file:
        file.truncate(400_000_000)
    transport = SshTransport(server.options())
    part = tmp_path / ".pulled.part"
    _cut_when(server, lambda: part.exists() and part.stat().st_size > 0)
    with pytest.raises(UnreachableError, match="pulled"):
        transport.pull(str(server.folder / "big"), tmp_path / "pulled")
    transport.close()
    assert not part.exists()
    assert not (tmp_path / "pulled").exists()
    server.wait_until_tidy()


def _cut_when(server, condition) -> None:
    def watch() -> None:
        while not condition():
            time.sleep(0.002)
        server.cut()

    threading.Thread(target=watch, daemon=True).start()


def test_a_device_with_nothing_but_a_plain_shell(server, tmp_path):
    """No bash, no flock, no openssl: what a small system has."""
    tools = tmp_path / "tools"
    tools.mkdir()
    names = "cat date env find ln mkdir mktemp mv rm sh sha256sum sleep setsid seq tar touch wc"
    for name in names.split():
        (tools / name).symlink_to(str(shutil.which(name)))
    config = server.folder / "sshd_config"
    config.write_text(config.read_text().replace("SetEnv ", f"SetEnv PATH={tools} "))
    server.stop()
    server.start()
    transport = SshTransport(server.options())
    assert transport.run(["seq", "2"]).stdout == "1\n2\n"
    assert transport.run(["sh", "-c", "command -v bash openssl flock"]).returncode != 0
    assert transport.read_text("/proc/sys/kernel/ostype") == "Linux\n"
    (tmp_path / "x").write_bytes(os.urandom(100_000))
    remote = transport.push(tmp_path / "x", "x")
    transport.pull(remote, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "x").read_bytes()
    with pytest.raises(DeviceError, match="was stopped"):
        transport.run(["sh", "-c", f"sleep 1000; : {server.work}/w"], timeout_s=0.5)
    _wait(lambda: not [line for line in server.started_here() if "/w" in line and "sleep 1000" in line])
    transport.close()
    server.wait_until_tidy()


def test_a_silent_link_is_noticed_on_both_sides(server):
    """The connection stays open and carries nothing any more, as when a cable is pulled."""
    transport = SshTransport(server.options(silence_s=3))
    stopped = server.connections()
    threading.Timer(1.0, lambda: [os.kill(pid, 19) for pid in stopped]).start()
    with pytest.raises(UnreachableError):
        transport.run(["sh", "-c", f"sleep 1000; : {server.work}/z"], timeout_s=60)
    # The server's side is still stopped: it is the device's own shell that notices.
    server.wait_until_tidy()
    transport.close()
    for pid in stopped:
        os.kill(pid, 18)


def test_settings_are_put_back_in_reverse_order(server):
    transport = SshTransport(server.options())
    log = server.folder / "log"
    for word in ("first", "it's the 'second' $HOME"):
        transport.at_end(["sh", "-c", 'printf "%s\\n" "$1" >>"$2"', "x", word, str(log)])
    transport.close()
    assert log.read_text() == "it's the 'second' $HOME\nfirst\n"


def test_a_folder_of_a_session_that_was_killed_is_removed_by_the_next(server):
    stale = server.work / "session.stale"
    stale.mkdir(parents=True)
    (stale / ".pid").write_text("999999999\n")
    alive = SshTransport(server.options())
    other = SshTransport(server.options())
    assert not stale.exists()
    assert Path(alive.workdir).exists(), "sessions that are alive are left alone"
    for one in (alive, other):
        one.close()


def test_options_of_the_client_never_ask_and_never_trust(server):
    words = client_options(server.options(jump="user@gate:2222"))
    text = " ".join(words)
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "ForwardAgent=no", "IdentitiesOnly=yes"):
        assert option in text
    proxy = next(word for word in words if word.startswith("ProxyCommand="))
    assert "StrictHostKeyChecking=yes" in proxy
    assert "-p 2222" in proxy
    assert "user@gate" in proxy


def test_a_jump_host(server):
    """Through the same server: the way there is what is tried."""
    transport = SshTransport(server.options(jump=f"127.0.0.1:{server.port}"))
    try:
        assert transport.run(["echo", "there"]).stdout == "there\n"
    finally:
        transport.close()


def test_a_word_with_a_nul_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        remote_command(["a\0b"])


def _wait(condition) -> None:
    deadline_s = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
