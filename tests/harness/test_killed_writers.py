"""Whoever is killed in the middle of writing a file leaves a part of it; the next one who writes there removes that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BEGINNING = """
import os, shutil, signal, sys
from pathlib import Path
folder = Path(sys.argv[1])
def perhaps_killed(*_):
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
"""
FILE = """
from latency_bench.harness.store.durable import replacing
with replacing(folder / "report.html") as file:
    file.write(b"half")
    file.flush()
    perhaps_killed()
"""
BASELINE = """
from latency_bench.harness.export.artifact import Artifact
from latency_bench.harness.gating.baselines import keep_baseline
model = folder.parent / "model.onnx"
model.write_bytes(b"model")
copyfile = shutil.copyfile
shutil.copyfile = lambda *paths: (copyfile(*paths), perhaps_killed())
artifact = Artifact(model, "onnx", "0" * 64, 5, (), (), None)
setting = {"runtime": "onnxruntime", "precision": "fp32", "threads": 1, "runtime_options": {}, "open_sizes": {}}
keep_baseline(folder, "main", "model.onnx", artifact, model="net", **setting)
"""
KEY = """
from adb_shell.auth import keygen
from latency_bench.devices.transports.adb_keys import load_signer
write_public_keyfile = keygen.write_public_keyfile
keygen.write_public_keyfile = lambda *paths: (write_public_keyfile(*paths), perhaps_killed())
load_signer(folder / "adbkey")
"""
ENGINE = """
from bench_worker.libraries.engine_cache import EngineCache
os.fsync = perhaps_killed
EngineCache(str(folder)).store("key", b"engine", {})
"""


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, program: str, how: str) -> int:
    words = [sys.executable, "-c", BEGINNING + program, str(folder), how]
    return subprocess.run(words, check=False, timeout=300).returncode


@pytest.mark.parametrize(
    ("program", "whole"),
    [
        (FILE, {"report.html"}),
        (BASELINE, {"main.json", "net.onnx"}),
        (KEY, {"adbkey", "adbkey.pub"}),
        (ENGINE, {"key.engine", "key.json"}),
    ],
    ids=["file", "baseline", "key", "engine"],
)
def test_what_a_killed_writer_left_goes_with_the_next(tmp_path, program, whole):
    folder = tmp_path / "here"
    folder.mkdir()
    assert write(folder, program, "killed") == -signal.SIGKILL
    left = files_in(folder)
    assert left
    assert not whole & {Path(name).name for name in left if "/" not in name}
    # Engines may lie in a folder that several computers share: only time tells that nobody writes any more.
    yesterday_s = time.time() - 86400
    for path in folder.rglob("writing-*"):
        os.utime(path, (yesterday_s, yesterday_s))
    assert write(folder, program, "whole") == 0
    assert {Path(name).name for name in files_in(folder)} == whole
    assert not list(folder.rglob("bench-*"))


def test_what_another_process_is_writing_stays(tmp_path):
    from latency_bench.harness.store.durable import replacing

    folder = tmp_path / "here"
    folder.mkdir()
    with replacing(folder / "report.html") as first:
        first.write(b"first")
        mine = next(folder.iterdir())
        # As if of a process of another computer, whose number means nothing here.
        theirs = folder / f".report.html.{2**22 + 1}-00000000.tmp"
        mine.rename(theirs)
        with replacing(folder / "report.html") as second:
            second.write(b"second")
        assert theirs.exists()
        theirs.rename(mine)
    assert files_in(folder) == {"report.html"}
    assert (folder / "report.html").read_bytes() == b"first"
