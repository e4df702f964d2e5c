"""Both backends against the real adbd: exit codes, both streams, long silence, files by hash, no orphans."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from latency_bench.devices.errors import DeviceError, InventoryError, UnreachableError
from latency_bench.devices.transports.adb import AdbTransport, open_link
from latency_bench.devices.transports.adb_script import guarded, new_mark


@pytest.fixture(autouse=True)
def _less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come every two seconds as ever; only what counts as silence is shorter, for faster tests."""
    for name in ("adb_follow._SILENT_S", "adb_direct._SILENCE_S", "adb_program._CHECK_S"):
        monkeypatch.setattr(f"latency_bench.devices.transports.{name}", 5.0)
    monkeypatch.setattr("latency_bench.devices.transports.adb_program._CHECK_EVERY_S", 1.0)


def _processes(word: str) -> list[int]:
    """Processes with this word among their arguments. Zombies have none."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if word.encode() in words:
                found.append(int(entry.name))
    return found


def _gone(word: str) -> bool:
    deadline_s = time.monotonic() + 120
    while _processes(word):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


def _started(word: str) -> None:
    deadline_s = time.monotonic() + 120
    while not _processes(word):
        assert time.monotonic() < deadline_s, f"{word} never started"
        time.sleep(0.02)


def test_exit_code_and_both_streams_come_back(transport):
    done = transport.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_output_without_a_last_line_break_comes_back_as_it_is(transport):
    done = transport.run(["sh", "-c", "printf x; printf y >&2"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "x", "y")


def test_a_signal_is_a_negative_code(transport):
    assert transport.run(["sh", "-c", "kill -9 $$"]).returncode == -9


def test_a_missing_program_is_127(transport):
    assert transport.run(["no-such-program"]).returncode == 127


def test_a_command_that_ends_at_once_keeps_its_code(transport):
    """Android's own `timeout` says 127 for one of four of them."""
    assert {transport.run(["true"], timeout_s=60).returncode for _ in range(30)} == {0}


def test_words_are_not_read_by_a_shell(transport, tmp_path):
    marker = tmp_path / "ran"
    words = [f"$(touch {marker})", "a b", "'", '"', "`id`", "*", "\\", "ä"]
    done = transport.run(["printf", "%s\\n", *words], env={"X": "; echo $Y"})
    assert done.stdout.splitlines() == words
    assert not marker.exists()


def test_the_environment_and_the_work_directory_are_those_of_the_session(transport):
    done = transport.run(["sh", "-c", 'echo "$GREETING"; pwd'], env={"GREETING": "a 'b' $c"})
    assert done.stdout == f"a 'b' $c\n{transport.workdir}\n"


def test_lines_arrive_while_the_command_runs(transport):
    seen = []
    transport.run(
        ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done"],
        on_stdout=lambda line: seen.append((line, time.monotonic())),
    )
    assert [line for line, _ in seen] == ["1\n", "2\n", "3\n"]
    assert seen[2][1] - seen[0][1] > 0.3, "all at once at the end is too late"


def test_a_silent_command_is_waited_for(transport):
    """Longer than the silence after which a device counts as gone."""
    done = transport.run(["sh", "-c", "sleep 7; echo done"])
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.parametrize("limit", ["timeout_s", "idle_timeout_s"])
def test_a_hanging_command_is_stopped_with_its_children(transport, limit):
    word = f"3610.{time.monotonic_ns() % 10**9}"
    with pytest.raises(DeviceError, match="was stopped"):
        transport.run(["sh", "-c", f"sleep {word} & sleep {word}"], **{limit: 1.0})
    assert _gone(word)
    assert transport.run(["echo", "next"]).stdout == "next\n"


def test_a_command_that_nobody_watches_ends_on_the_device(transport, tmp_path):
    """Its input stays open, as behind a link that broke in silence."""
    word = f"3650.{time.monotonic_ns() % 10**9}"
    stream = transport.link.start(guarded(["sleep", word], "/", {}, limit_s=1, mark=new_mark()))
    _started(word)
    assert _gone(word)
    stream.stop()


def test_what_a_command_leaves_in_the_background_ends_with_it(transport):
    word = f"3620.{time.monotonic_ns() % 10**9}"
    assert transport.run(["sh", "-c", f"sleep {word} >/dev/null 2>&1 & echo out"], timeout_s=30).stdout == "out\n"
    assert _gone(word)


def test_an_error_in_the_listener_stops_the_command(transport):
    """As Ctrl-C does: an exception out of the middle of run."""
    word = f"3630.{time.monotonic_ns() % 10**9}"

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transport.run(["sh", "-c", f"echo go; sleep {word}"], on_stdout=interrupt)
    assert _gone(word)


def test_two_commands_run_beside_each_other(transport):
    word = f"2.{time.monotonic_ns() % 10**9}"
    long = threading.Thread(target=transport.run, args=(["sleep", word],))
    long.start()
    _started(word)
    assert transport.run(["echo", "beside"]).stdout == "beside\n"
    assert _processes(word), "the short command waited for the long one"
    long.join()


def test_a_flood_of_output_arrives_whole(transport):
    done = transport.run(["sh", "-c", f"yes {'a' * 99} | head -n 30000"])
    assert done.stdout == f"{'a' * 99}\n" * 30_000


def test_files_go_there_and_back_and_are_not_carried_twice(transport, tmp_path):
    local = tmp_path / "model.tflite"
    local.write_bytes(os.urandom(3_000_000))
    remote = transport.push(local, "model.tflite")
    assert transport.carried_bytes == 3_000_000
    assert transport.push(local, "model.tflite") == remote
    assert transport.carried_bytes == 3_000_000
    transport.pull(remote, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == local.read_bytes()


def test_what_is_removed_takes_no_room_any_more(transport, tmp_path):
    remotes = []
    for number in range(3):
        (tmp_path / "input0.bin").write_bytes(bytes([number]) * 1000)
        remotes.append(transport.push(tmp_path / "input0.bin", "input0.bin"))
    transport.remove(remotes[:2])
    kept = [str(path) for path in Path(transport.workdir).parent.rglob("input0.bin")]
    assert kept == remotes[2:]
    transport.remove(["/elsewhere/file"])


def test_another_session_finds_the_file_but_not_a_damaged_one(options, tmp_path):
    local = tmp_path / "model.tflite"
    local.write_bytes(b"x" * 100_000)
    first = AdbTransport(open_link(options), options.folder)
    remote = first.push(local, "model.tflite")
    first.close()
    second = AdbTransport(open_link(options), options.folder)
    assert second.push(local, "model.tflite") == remote
    assert second.carried_bytes == 0
    Path(remote).write_bytes(b"y" * 100_000)
    second.push(local, "model.tflite")
    assert second.carried_bytes == 100_000
    assert Path(remote).read_bytes() == local.read_bytes()
    second.close()
    assert not list(Path(options.folder).glob("session-*"))


def test_a_name_cannot_be_a_path(transport, tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(DeviceError, match="cannot be the name of a file"):
        transport.push(tmp_path / "f", "../f")
    with pytest.raises(DeviceError, match="is not a pattern"):
        transport.glob("/etc/$(id)")


def test_small_files_and_patterns_are_read(transport):
    assert transport.read_text("/proc/sys/kernel/ostype") == "Linux\n"
    assert transport.read_text("/proc/no-such-file") is None
    assert "/proc/self" in transport.glob("/proc/sel[f]")
    assert transport.glob("/proc/no-such-file*") == []


def test_settings_are_put_back_when_the_session_ends(options, tmp_path):
    marker = tmp_path / "put-back"
    session = AdbTransport(open_link(options), options.folder)
    session.at_end(["touch", str(marker)])
    time.sleep(0.2)
    assert not marker.exists()
    session.close()
    _wait_for(marker)


def test_settings_are_put_back_when_the_link_is_lost(options, daemon, tmp_path):
    marker = tmp_path / "put-back"
    session = AdbTransport(open_link(options), options.folder)
    session.at_end(["touch", str(marker)])
    daemon.kill()
    _wait_for(marker)
    session.close()


def _wait_for(path: Path) -> None:
    deadline_s = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline_s, f"{path.name} was not made"
        time.sleep(0.02)


def test_a_daemon_that_dies_under_a_command_is_noticed_and_leaves_no_orphan(transport, daemon, options):
    word = f"3640.{time.monotonic_ns() % 10**9}"
    threading.Thread(target=lambda: (_started(word), daemon.kill()), daemon=True).start()
    with pytest.raises(UnreachableError, match="went away") as caught:
        transport.run(["sleep", word])
    if options.backend == "adb-shell":
        assert "connection" in caught.value.message, "seen at once, not by waiting in vain"
    assert _gone(word)
    daemon.start()
    again = AdbTransport(open_link(options), options.folder)
    assert again.run(["echo", "back"]).stdout == "back\n"
    again.close()


def test_a_daemon_that_stops_answering_under_a_command_is_noticed(transport, daemon):
    word = f"3650.{time.monotonic_ns() % 10**9}"
    threading.Thread(target=lambda: (_started(word), daemon.signal(signal.SIGSTOP)), daemon=True).start()
    # Noticed long before the command's own end, an hour away.
    with pytest.raises(UnreachableError, match=r"no sign of life|went away"):
        transport.run(["sleep", word])
    daemon.signal(signal.SIGCONT)
    assert _gone(word)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_daemon_lost_under_a_push_is_noticed(transport, daemon, tmp_path, fault):
    local = tmp_path / "large"
    with local.open("wb") as file:
        file.truncate(600_000_000)
    folder = Path(transport.workdir)

    def lose() -> None:
        deadline_s = time.monotonic() + 120
        while not any(path.stat().st_size for path in folder.glob("incoming-*")) and time.monotonic() < deadline_s:
            time.sleep(0.005)
        daemon.signal(fault)

    threading.Thread(target=lose, daemon=True).start()
    with pytest.raises(DeviceError) as caught:
        transport.push(local, "large")
    assert isinstance(caught.value, UnreachableError), caught.value
    daemon.signal(signal.SIGCONT)
    assert not list((Path(transport.workdir).parent / "files").rglob("large")), "half a file under its final name"


def test_a_device_that_is_not_there_is_said(options, daemon):
    daemon.kill()
    with pytest.raises(UnreachableError, match=r"cannot connect|went away|not attached"):
        open_link(options)


# Over TCP, adb-shell is always told an address.
@pytest.mark.parametrize("options", ["program"], indirect=True)
def test_the_serial_decides_among_several_devices(start_daemon, options, tmp_path):
    first, second = open_link(options), start_daemon()
    other = open_link(options.model_copy(update={"port": second.port}))
    with pytest.raises(InventoryError, match=r"2 Android devices are attached: .*15555.*, .*15556.*serial"):
        open_link(options.model_copy(update={"host": None}))
    chosen = open_link(options.model_copy(update={"host": None, "serial": other.description}))
    assert (chosen.description, first.description) == ("127.0.0.1:15556", "127.0.0.1:15555")
    with pytest.raises(UnreachableError, match="nobody-has-this is not attached"):
        open_link(options.model_copy(update={"host": None, "serial": "nobody-has-this"}))
