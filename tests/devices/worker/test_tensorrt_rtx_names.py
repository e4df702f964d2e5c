"""TensorRT for RTX, the real package: it has the names that are recorded of it, and gives back what is assumed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from recorded_tensorrt import RTX
from tensorrt_kinds import RETURNS

pytestmark = pytest.mark.slow

DOCUMENTATION = """
import json, sys
import tensorrt_rtx_bindings as trt
calls = json.loads(sys.argv[1])
print(json.dumps({"%s.%s" % (kind, name): getattr(getattr(trt, kind), name).__doc__ for kind, name in calls}))
"""


def test_the_recorded_names_are_those_of_the_package(rtx_python: Path, load_script: Any) -> None:
    told = load_script("scripts/tensorrt_names.py").rtx_names(rtx_python)
    assert told == {"version": RTX["version"], "names": RTX["names"]}


def test_calls_give_back_what_the_reading_of_the_source_takes_them_for(rtx_python: Path) -> None:
    there = {call: kind for call, kind in RETURNS.items() if call[1] in RTX["names"][call[0]]}
    assert len(there) > 10
    command = [str(rtx_python), "-c", DOCUMENTATION, json.dumps(list(there))]
    words = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for (kind, name), returned in there.items():
        assert re.search(rf"-> [\w.]*\b{returned}\b", words[f"{kind}.{name}"]), f"{kind}.{name}"
