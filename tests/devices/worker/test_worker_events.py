from __future__ import annotations

import subprocess
import sys

import pytest

from bench_worker.events import MARKER, parse_event


def _run(script, tmp_path):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)


def test_junk_on_stdout_survives_beside_the_events(tmp_path):
    script = """
import ctypes, os, sys
sys.stdout.write("Welcome, you have mail: "); sys.stdout.flush()
from bench_worker.events import EventStream
events = EventStream()
print("a Python library talks", end="", flush=True)
ctypes.CDLL(None).puts(b"a C library talks")
os.write(1, b"half a line")
events.emit("hello", pid=1, nothing=None)
os.write(1, b" and the other half")
events.emit("done", text="line\\nbreak \\u2028")
ctypes.CDLL(None).fflush(None)
"""
    finished = _run(script, tmp_path)
    lines = finished.stdout.splitlines()
    events = [event for event in map(parse_event, finished.stdout.split("\n")) if event]
    assert events == [{"event": "hello", "pid": 1}, {"event": "done", "text": "line\nbreak \u2028"}]
    assert lines[0] == "Welcome, you have mail: "
    for words in ("a Python library talks", "a C library talks", "half a line and the other half"):
        assert words in finished.stderr
        assert words not in finished.stdout


def test_events_of_two_threads_are_whole_lines(tmp_path):
    script = """
import threading
from bench_worker.events import EventStream
events = EventStream()
def many(name):
    for index in range(200):
        events.emit("samples", name=name, index=index, padding="x" * 20000)
threads = [threading.Thread(target=many, args=(name,)) for name in "ab"]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    events = [parse_event(line) for line in _run(script, tmp_path).stdout.splitlines() if line]
    assert len(events) == 400
    for name in "ab":
        assert [event["index"] for event in events if event["name"] == name] == list(range(200))


def test_a_value_that_json_does_not_have_is_refused_rather_than_sent(tmp_path):
    script = """
from bench_worker.events import EventStream
try:
    EventStream().emit("done", median_ns=float("nan"))
except ValueError:
    raise SystemExit(0)
raise SystemExit(1)
"""
    assert MARKER not in _run(script, tmp_path).stdout


def test_lines_that_are_no_events():
    assert parse_event("hello\n") is None
    assert parse_event(' @bench {"event": "hello"}') is None
    with pytest.raises(ValueError, match="not an event"):
        parse_event(MARKER + "[1]")
    with pytest.raises(ValueError):  # noqa: PT011
        parse_event(MARKER + '{"event": "hel')
