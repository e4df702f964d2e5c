"""A device that somebody else measures on: every command that needs it alone can wait for it, as its message says."""

from __future__ import annotations

from datetime import datetime, timezone

import click
import pytest

from latency_bench.devices.locking import DeviceBusyError, Holder
from latency_bench.harness import device_locks
from latency_bench.harness.cli.main import bench as bench_command

BUSY = DeviceBusyError(
    "desk", Holder(host="lab", pid=7, user="ann", since=datetime.now(timezone.utc), what="bench run")
)


def test_waiting_is_told_once_and_ends_with_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_locks.time, "sleep", lambda seconds: None)
    tries = iter([BUSY, BUSY, None])
    stages: list[str] = []

    def lock() -> None:
        if error := next(tries):
            raise error

    device_locks.hold_device(lock, "desk", True, stages.append)
    assert [stage.startswith("waiting for desk, measured by ann@lab") for stage in stages] == [True]
    with pytest.raises(DeviceBusyError, match="--wait"):
        device_locks.hold_device(_raise, "desk", False, stages.append)


def _raise() -> None:
    raise BUSY


@pytest.mark.parametrize(
    "words", ["run", "pair", "accuracy", "profile", "attention", "sweep", "gate", "devices calibrate"]
)
def test_a_command_that_locks_a_device_has_the_option_that_the_message_names(words: str) -> None:
    command: click.Command = bench_command
    for word in words.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    assert "--wait" in [option for parameter in command.params for option in parameter.opts]
