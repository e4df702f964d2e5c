"""Devices whose shell is set up in odd ways or talks without end, and two sessions that share models."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports import ssh_command
from latency_bench.devices.transports.ssh import SshTransport

ENDLESS_LINE = ["sh", "-c", "yes | tr -d '\\n'"]


@pytest.fixture
def transport(server):
    one = SshTransport(server.options())
    yield one
    one.close()
    server.wait_until_tidy()


@pytest.mark.parametrize("command", [["yes"], ENDLESS_LINE], ids=["lines", "one line"])
def test_output_without_end_is_not_collected(transport, command):
    with pytest.raises(DeviceError, match="printed more than 64 MiB"):
        transport.run(command)
    assert transport.run(["echo", "still there"]).stdout == "still there\n"


def test_time_limits_hold_while_a_program_prints_without_end(transport):
    with pytest.raises(DeviceError, match="ran for more than 1 s"):
        transport.run(["yes"], on_stdout=lambda line: None, timeout_s=1)


@pytest.mark.parametrize("start_file", ["yes", "yes | tr -d '\\n'", pytest.param("yes >&2", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("bash_at_login")
def test_a_start_file_that_prints_without_end_is_an_error(server, start_file):
    (server.home / ".bashrc").write_text(f"{start_file}\n")
    with pytest.raises(UnreachableError):
        SshTransport(server.options(connect_timeout_s=2))
    (server.home / ".bashrc").unlink()
    server.wait_until_tidy()


@pytest.mark.parametrize("start_file", ["while :; do echo talk; sleep 0.1; done", "cat >/dev/null"])
@pytest.mark.usefixtures("bash_at_login")
def test_a_command_that_does_not_begin_is_over_its_time(transport, server, monkeypatch, start_file):
    """A little at a time, for ever: neither the bytes nor a limit of the command itself would end it."""
    (server.home / ".bashrc").write_text(f"{start_file}\n")
    monkeypatch.setattr(ssh_command, "_BEGIN_S", -5.0)  # 5 seconds, with those of the connection
    with pytest.raises(DeviceError, match=r"did not start echo within 5 s.*start files of its shell"):
        transport.run(["echo", "x"])
    (server.home / ".bashrc").unlink()


ODD = """\
echo "Welcome! $(date)"
shopt -s failglob nullglob expand_aliases
alias cd='echo no' rm='echo no' printf='echo no'
printf() { echo "a function"; }
read() { echo "a function"; }
wait() { echo "a function"; }
export -f printf read wait
set -o errexit -o nounset -o noclobber
export SHELLOPTS BASHOPTS CDPATH=/tmp:/usr GLOBIGNORE='*'
trap 'echo "debug: $BASH_COMMAND"' DEBUG
trap 'echo "error"' ERR
"""


@pytest.mark.usefixtures("bash_at_login")
def test_options_traps_and_functions_of_a_start_file_do_not_matter(server, tmp_path):
    (server.home / ".bashrc").write_text(ODD)
    transport = SshTransport(server.options())
    try:
        assert transport.glob(f"{tmp_path}/none*") == []
        assert transport.read_text(f"{tmp_path}/none") is None
        (tmp_path / "file").write_text("content\n")
        assert transport.glob(f"{tmp_path}/fil*") == [f"{tmp_path}/file"]
        assert transport.read_text(f"{tmp_path}/file") == "content\n"
        done = transport.run(["sh", "-c", "echo out; false; exit 3"])
        assert (done.returncode, done.stdout) == (3, "out\n")
        pushed = transport.push(tmp_path / "file", "file")
        transport.pull(pushed, tmp_path / "back")
        assert (tmp_path / "back").read_text() == "content\n"
    finally:
        transport.close()
    server.wait_until_tidy()


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("tcsh", r"login shell of .* is a csh.*chsh -s /bin/sh"),
        ("rbash", r"login shell of .* is restricted.*chsh -s /bin/sh"),
        ("nologin", r"login shell of .* is restricted.*not available.*chsh"),
    ],
)
def test_a_login_shell_that_cannot_run_scripts_is_named(server, shell, words):
    program = shutil.which(shell) or shutil.which(shell, path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"{shell} is not installed (scripts/install_test_tools.sh)")
    # What sshd does for a user with this login shell.
    with (server.folder / "sshd_config").open("a") as file:
        file.write(f'ForceCommand exec {program} -c "$SSH_ORIGINAL_COMMAND"\n')
    server.stop()
    server.start()
    with pytest.raises(UnreachableError, match=words) as raised:
        SshTransport(server.options(connect_timeout_s=30))
    assert "\n" not in str(raised.value)


def test_a_key_that_cannot_be_used_is_said_with_its_remedy(server, tmp_path):
    with pytest.raises(UnreachableError, match=r"private key .*gone.* does not exist.*`ssh.key`"):
        SshTransport(server.options(key=tmp_path / "gone"))
    (server.folder / "user_key").chmod(0o644)
    with pytest.raises(UnreachableError, match=r"others may read the private key.*chmod 600 .*user_key"):
        SshTransport(server.options())


def test_models_that_another_session_has_are_not_cleaned_away(transport, server, tmp_path):
    for name in ("used", "old"):
        (tmp_path / name).write_text(name * 100)
    used = transport.push(tmp_path / "used", "model.onnx")
    other = SshTransport(server.options())
    other.push(tmp_path / "old", "other.onnx")
    other.close()
    stored = list((server.work / "store").iterdir())
    assert len(stored) == 2
    long_ago_s = time.time() - 40 * 86400
    for path in stored:
        os.utime(path, (long_ago_s, long_ago_s))
    SshTransport(server.options()).close()
    assert transport.run(["cat", used]).stdout.strip() == "used" * 100
    assert len(list((server.work / "store").iterdir())) == 1
