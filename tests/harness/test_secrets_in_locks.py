"""What was asked for with a secret in it stays out of everything that others can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.benchmark import run_benchmarks

WORDS = (
    "ftp://me:pa/ss#wo?rd SECRET'\"@host/p",
    "--store=sftp://me:SECRET@host:22/x",
    "https://SECRET@host/x",
    "az://c/x?account_key=SECRET",
    "https://h/x?key=SECRET&b=1",
    "https://h/x#access_token=SECRET",
    "simplecache::ftp://u:SECRET@h/x",
)


class Looking:
    """An observer that asks, in the middle of the measurement, what somebody else is told."""

    def __init__(self, again) -> None:
        self._again = again
        self.told = ""

    def stage(self, text: str) -> None:
        if "round 1" in text:
            with pytest.raises(DeviceError) as raised:
                self._again()
            self.told = str(raised.value)

    def progress(self, *_: object) -> None: ...


@pytest.mark.parametrize("word", WORDS)
def test_no_secret_is_in_lock_files_busy_messages_records_or_errors(load_script, tmp_path, locks, own_cache, word):
    (planned,) = load_script("scripts/clock_free_device.py").clock_free_plan(tmp_path, 1).cases
    command = ("bench", "run", "--store", word)
    looking = Looking(lambda: run_benchmarks([planned.case], tmp_path / "other", command, looking))
    run_benchmarks([planned.case], tmp_path / "store", command, looking)
    assert "bench run --store" in looking.told
    assert "SECRET" not in looking.told
    written = [path for folder in (locks, tmp_path / "store", own_cache) for path in Path(folder).rglob("*")]
    assert any(path.name.endswith(".lock") for path in written)
    for path in written:
        assert path.is_dir() or b"SECRET" not in path.read_bytes(), path
