"""Which names of TensorRT's Python API exist in which release: of the classes that the worker uses every name.

    python scripts/tensorrt_names.py bindings CHECKOUT   of github.com/NVIDIA/TensorRT, with its tags and branches
    python scripts/tensorrt_names.py rtx PYTHON          which has TensorRT for RTX

The first reads the sources of NVIDIA's bindings and writes tests/devices/worker/tensorrt_names.json, each name with the
first and the last of RELEASES that has it; the second asks the package, and writes tensorrt_rtx_names.json beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "tests/devices/worker"
RELEASES = {
    "8.0": "release/8.0",
    "8.2": "8.2.1",
    "8.4": "8.4.3",
    "8.5": "8.5.3",
    "8.6": "release/8.6",
    "10.0": "v10.0.0",
    "10.3": "v10.3.0",
    "10.12": "v10.12.0",
    "10.16": "v10.16",
    "11.0": "release/11.0",
    "11.1": "release/11.1",
}
"""A release, and its tag or branch there."""
KINDS = (
    *("Builder", "BuilderFlag", "DataType", "EngineInspector", "IBuilderConfig", "ICudaEngine", "IExecutionContext"),
    *("IHostMemory", "ILayer", "ILogger", "INetworkDefinition", "IOptimizationProfile", "IProfiler", "ITensor"),
    *("ITimingCache", "LayerInformationFormat", "MemoryPoolType", "NetworkDefinitionCreationFlag", "OnnxParser"),
    *("ProfilingVerbosity", "Runtime", "TensorIOMode"),
)
"""The classes that the worker uses."""
INSIDE = {"Severity": "ILogger"}
"""Enumerations whose values are exported into a class."""
_SOURCES = (
    *("infer/pyCore.cpp", "infer/pyGraph.cpp", "infer/pyPlugin.cpp", "infer/pyFoundationalTypes.cpp"),
    "parsers/pyOnnx.cpp",
)
_ASK_RTX = """
import inspect, json, sys
import tensorrt_rtx_bindings as trt
kinds = {kind: getattr(trt, kind, None) for kind in json.loads(sys.argv[1])}
names = {kind: [name for name in dir(one) if name[0] != "_"] for kind, one in kinds.items() if one is not None}
plain = [name for name in dir(trt) if name in names or inspect.isroutine(getattr(trt, name)) and name[0] != "_"]
print(json.dumps({"version": trt.__version__, "names": {"": plain, **names}}))
"""
_BOUND = re.compile(
    r'(?:py::)?(?:class_|enum_)<[^;{}]*?>\s*\w*\s*[({]\s*\w+\s*,\s*"(\w+)"'
    r'|\.(?:def|def_static|def_property|def_property_readonly|def_readwrite|def_readonly|value)\s*\(\s*"(\w+)"'
    r'|\bm\.def\s*\(\s*"(\w+)"'
)


def names(checkout: Path, reference: str) -> set[tuple[str, str]]:
    """Class and name of everything that is bound; functions of the module have the class ""."""
    found: set[tuple[str, str]] = set()
    for source in _SOURCES:
        command = ["git", "-C", str(checkout), "show", f"{reference}:python/src/{source}"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        current = ""
        for match in _BOUND.finditer(re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)):
            if match[1]:
                current = INSIDE.get(match[1], match[1])
                found.add(("", current))
            elif match[3]:
                found.add(("", match[3]))
            elif current:
                found.add((current, match[2]))
    return found


def rtx_names(python: Path) -> Any:
    """`version`, and `names` by class, of the TensorRT for RTX that this Python has."""
    command = [str(python), "-c", _ASK_RTX, json.dumps(KINDS)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def bindings_table(checkout: Path) -> str:
    """All of RELEASES, a line a class."""
    by_release = {release: names(checkout, reference) for release, reference in RELEASES.items()}
    table: dict[str, dict[str, list[str]]] = {}
    for kind, name in sorted(set().union(*by_release.values())):
        if name[0] != "_" and (kind in KINDS or (kind == "" and (name in KINDS or not name[0].isupper()))):
            there = [release for release, found in by_release.items() if (kind, name) in found]
            between = list(RELEASES)[list(RELEASES).index(there[0]) :][: len(there)]
            if there != between:
                sys.exit(f"{kind}.{name} left and came back, which the table cannot say: {', '.join(there)}")
            table.setdefault(kind, {})[name] = [there[0], there[-1]]
    source = "https://github.com/NVIDIA/TensorRT, python/src, at these tags and branches"
    return _text({"source": source, "releases": RELEASES}, table)


def _text(head: dict[str, Any], table: dict[str, Any]) -> str:
    fields = "".join(f"{json.dumps(name)}: {json.dumps(value)},\n " for name, value in head.items())
    lines = ",\n".join(f"  {json.dumps(kind)}: {json.dumps(found)}" for kind, found in table.items())
    return f'{{{fields}"names": {{\n{lines}\n}}}}\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", choices=("bindings", "rtx"))
    parser.add_argument("path", type=Path)
    asked = parser.parse_args()
    if asked.source == "bindings":
        (TABLES / "tensorrt_names.json").write_text(bindings_table(asked.path), encoding="utf-8")
    else:
        told = rtx_names(asked.path)
        head = {"source": f"tensorrt_rtx_bindings {told['version']}", "version": told["version"]}
        (TABLES / "tensorrt_rtx_names.json").write_text(_text(head, told["names"]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
