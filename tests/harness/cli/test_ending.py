"""Commands whose output or temporary files have no place: one line and an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latency_bench.harness.cli.ending import words_of
from latency_bench.harness.cli.export import copy_whole
from latency_bench.harness.store.errors import StoreError


def _bench(environment: dict[str, str], *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "latency_bench", *words],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
@pytest.mark.parametrize("words", [("models", "ls"), ("models", "ls", "--json"), ("devices", "ls")])
def test_output_that_finds_no_room_is_said_in_one_line(bench_environment, words):
    with Path("/dev/full").open("w") as full:
        done = _bench(bench_environment, *words, stdout=full)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_full_folder_for_temporary_files_is_said_in_one_line(bench, small_file_system):
    """It has room for a little, and not for what is brought to a device."""
    (small_file_system / "filler").write_bytes(bytes(80 << 10))
    done = bench("devices", "doctor", "local", env={"TMPDIR": str(small_file_system)})
    assert done.returncode == 1
    assert "No space left on device; free some space there" in done.stderr
    assert "TMPDIR" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 500
    assert [path.name for path in small_file_system.iterdir()] == ["filler"]


def test_a_path_below_the_home_of_nobody_is_told_in_a_line(bench):
    done = bench("results", "ls", env={"BENCH_STORE": "~nobody-of-this-name/results"})
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "begins with ~" in done.stderr
    assert words_of(RuntimeError("another one")) is None


def test_a_reader_that_goes_away_is_no_fault(bench_environment):
    reading, writing = os.pipe()
    os.close(reading)
    done = _bench(bench_environment, "devices", "ls", stdout=writing)
    os.close(writing)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_signal_that_is_ignored_stays_ignored(bench_environment):
    """As under nohup."""
    program = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from latency_bench.harness.cli.ending import interrupt_on_signals; interrupt_on_signals()\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN\n"
        "assert callable(signal.getsignal(signal.SIGTERM))"
    )
    assert signal.SIGHUP
    subprocess.run([sys.executable, "-c", program], env=bench_environment, check=True, timeout=120)


HURRIED = """
import contextlib, os, signal
from latency_bench.harness.cli.ending import interrupt_on_signals
interrupt_on_signals()
with contextlib.suppress(KeyboardInterrupt):
    os.kill(os.getpid(), signal.SIGINT)
for number in (signal.SIGTERM, signal.SIGINT):
    try:
        os.kill(os.getpid(), number)
    except KeyboardInterrupt:
        continue
    raise SystemExit(f"{number!r} is ignored after Ctrl-C")
"""


def test_after_ctrl_c_other_signals_still_end_what_takes_too_long(bench_environment):
    subprocess.run([sys.executable, "-c", HURRIED], env=bench_environment, check=True, timeout=120)


TEXT = """
import os, signal, sys
from latency_bench.harness.cli.ending import exit_code_of_interruption, interrupt_on_signals
interrupt_on_signals()
try:
    exec("os.kill(os.getpid(), signal.SIGTERM)")
except KeyboardInterrupt:
    sys.exit(exit_code_of_interruption())
"""


def test_a_signal_while_python_runs_source_text_gives_its_own_exit_code(bench_environment, tmp_path):
    """Data classes and named tuples are made by such text: importing is full of it."""
    (tmp_path / "interrupted.py").write_text(TEXT)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"], cwd=tmp_path, env=bench_environment, check=False, timeout=120
    )
    assert done.returncode == 128 + signal.SIGTERM


LOADED = """
import os, signal, sys
from latency_bench.harness.cli import main as entry
def load(*words, **options):
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
    except KeyboardInterrupt:
        raise ImportError("initialization failed")
entry.bench.main = load
entry.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_compiled_library_is_loaded_is_an_interruption(bench_environment, number):
    """Such a library makes an ImportError of it, as scipy's do."""
    words = [sys.executable, "-c", LOADED, str(int(number))]
    done = subprocess.run(words, env=bench_environment, check=False, timeout=120, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (128 + number, "bench: interrupted; nothing was stored\n")


def test_a_file_that_finds_no_room_is_not_left_half_and_its_place_is_named(small_file_system, tmp_path):
    (tmp_path / "model.onnx").write_bytes(bytes(300 << 10))
    with pytest.raises(StoreError, match=f"cannot write {small_file_system / 'x.onnx'}: No space left"):
        copy_whole({tmp_path / "model.onnx": small_file_system / "x.onnx"})
    assert list(small_file_system.iterdir()) == []
    copy_whole({tmp_path / "model.onnx": tmp_path / "x.onnx"})
    assert (tmp_path / "x.onnx").stat().st_size == 300 << 10
