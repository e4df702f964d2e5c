"""The worker's own promise: Python 3.6 and up, standard library and numpy, nothing of the rest of the project."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bench_worker

FOLDER = Path(bench_worker.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))
STDLIB_ONLY = ["affinity", "clock", "events", "failure", "lifetime", "loop", "overhead", "stopping", "job"]
STDLIB_ONLY += ["request_times", "steady", "usage", "runtime.base", "api"]


def _run(*command, folder=None):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def python_36(find_python):
    python = find_python("3.6")
    if python is None:
        pytest.skip("there is no Python 3.6 here; vermin checks the syntax all the same")
    return str(python)


def test_vermin_finds_nothing_newer():
    pytest.importorskip("vermin")
    command = [
        sys.executable,
        "-c",
        "import vermin; vermin.main()",
        "-t=3.6-",
        "--violations",
        "--eval-annotations",
        "--no-tips",
    ]
    checked = _run(*command, str(FOLDER))
    assert checked.returncode == 0, checked.stdout


def test_nothing_of_the_rest_of_the_project_is_imported():
    allowed = {"numpy", "devices"} | set(sys.stdlib_module_names)
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                assert name.split(".")[0] in allowed - {"devices"}, f"{source}: {name}"
            if isinstance(node, ast.ImportFrom) and node.level:
                depth = len(source.relative_to(FOLDER).parts)
                assert node.level <= depth, f"{source} reaches out of the worker"


def test_python_36_compiles_it(python_36, tmp_path):
    copy = tmp_path / "worker"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    compiled = _run(python_36, "-m", "compileall", "-q", "-f", str(copy))
    assert compiled.returncode == 0, compiled.stdout


def test_python_36_measures_with_a_copy_under_another_name(python_36, tmp_path):
    """Loop, rules, events and clock for real; numpy may be missing there, so the runtime is one of numbers."""
    copy = tmp_path / "pushed_worker"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    script = """
import importlib, sys
for name in NAMES:
    importlib.import_module("pushed_worker." + name)
from pushed_worker import clock
from pushed_worker.events import EventStream
from pushed_worker.loop import garbage_collector_paused, run_stage
from pushed_worker.overhead import EmptyRuntime, measure_loop_overhead
from pushed_worker.stopping import SamplingEnd
from pushed_worker.job import SamplingBounds, WarmupBounds
from pushed_worker.request_times import Samples
from pushed_worker.steady import WarmupEnd
from pushed_worker.usage import peak_rss_bytes, read_usage
assert "numpy" not in sys.modules
events = EventStream()
warmup, sampling = Samples(0, 10), Samples(0, 10)
runtime = EmptyRuntime({}, clock.now_ns)
with garbage_collector_paused():
    before = read_usage()
    run_stage(runtime.request, warmup, WarmupEnd(WarmupBounds(3, 100, 0, 10**9, 10)).reason, None, clock.now_ns)
    end = run_stage(
        runtime.request, sampling, SamplingEnd(SamplingBounds(30, 50, 0, 10**9, 1e-9, 0.95)).reason, None, clock.now_ns)
    used = read_usage().since(before)
for fields in sampling.events("sampling"):
    events.emit("samples", **fields)
events.emit("done", stopped_by=end.stopped_by, overhead=measure_loop_overhead(clock.now_ns).in_sample_ns,
            resolution=clock.measure_resolution_ns(), peak=peak_rss_bytes(), used=used)
""".replace("NAMES", repr(STDLIB_ONLY))
    finished = _run(python_36, "-c", script, folder=tmp_path)
    assert finished.returncode == 0, finished.stderr
    from bench_worker.events import parse_event

    samples, done = (event for event in map(parse_event, finished.stdout.splitlines()) if event)
    assert len(samples["latency_ns"]) in (30, 37, 46, 50)
    assert done["stopped_by"] in ("max_count", "interval")
    assert done["peak"] > 1e6


def test_python_36_says_that_numpy_is_missing(python_36, tmp_path, request_for):
    if _run(python_36, "-c", "import numpy").returncode == 0:
        pytest.skip("that Python 3.6 has numpy")
    copy = tmp_path / "pushed_worker"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "request.json").write_text(json.dumps(request_for("litert", "any")))
    finished = _run(python_36, str(copy / "start.py"), "request.json", folder=tmp_path)
    assert finished.returncode == 1
    assert "pip install numpy" in finished.stdout
