"""TensorRT for RTX, the real package, has every name that the worker asks it for, and gives back what is assumed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tensorrt_calls import Asked, worker_sources
from tensorrt_kinds import RETURNS

pytestmark = pytest.mark.slow

NAMES = """
import json
import tensorrt_rtx_bindings as trt
classes = {name: getattr(trt, name) for name in dir(trt) if isinstance(getattr(trt, name), type)}
names = {"": dir(trt), **{name: dir(one) for name, one in classes.items()}}
words = {name: {one: getattr(kind, one).__doc__ or "" for one in dir(kind)} for name, kind in classes.items()}
print(json.dumps([trt.__version__, names, words]))
"""


@pytest.fixture(scope="module")
def package(rtx_python: Path) -> tuple[str, dict[str, list[str]], dict[str, dict[str, str]]]:
    """Its version, its names by class, and what their documentation says."""
    done = subprocess.run([str(rtx_python), "-c", NAMES], check=True, capture_output=True, text=True)
    version, names, words = json.loads(done.stdout)
    return version, names, words


def test_every_name_that_the_worker_asks_for_is_there(package: Any) -> None:
    version, names, _ = package
    release = [int(word) for word in version.split(".")]
    asked = Asked(lambda kind, name: name in names.get(kind, ()), release, rtx=True, sources=worker_sources())
    assert len(asked.needed) > 55
    assert {(kind, name) for kind, name in asked.needed if name not in (*names.get(kind, ()), "*")} == set()


def test_calls_give_back_what_the_reading_of_the_source_takes_them_for(package: Any) -> None:
    _, names, words = package
    there = {call: kind for call, kind in RETURNS.items() if call[1] in names[call[0]]}
    assert len(there) > 10
    for (kind, name), returned in there.items():
        assert re.search(rf"-> [\w.]*\b{returned}\b", words[kind][name]), f"{kind}.{name}: {words[kind][name][:200]}"
