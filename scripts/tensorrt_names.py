"""Which names of TensorRT's Python API exist in which release, read from the sources of NVIDIA's bindings.

    python scripts/tensorrt_names.py CHECKOUT       of github.com/NVIDIA/TensorRT, with its tags and branches

Writes tests/devices/worker/tensorrt_names.json: of the classes that the worker uses every name, with the first and the
last of RELEASES that has it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests/devices/worker/tensorrt_names.json"
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


def main() -> int:
    checkout = Path(sys.argv[1])
    by_release = {release: names(checkout, reference) for release, reference in RELEASES.items()}
    table: dict[str, dict[str, list[str]]] = {}
    for kind, name in sorted(set().union(*by_release.values())):
        if kind in KINDS or (kind == "" and (name in KINDS or not name[0].isupper())):
            there = [release for release, found in by_release.items() if (kind, name) in found]
            between = list(RELEASES)[list(RELEASES).index(there[0]) :][: len(there)]
            if there != between:
                sys.exit(f"{kind}.{name} left and came back, which the table cannot say: {', '.join(there)}")
            table.setdefault(kind, {})[name] = [there[0], there[-1]]
    lines = [f"  {json.dumps(kind)}: {json.dumps(found)}" for kind, found in table.items()]
    body = ",\n".join(lines)
    source = json.dumps("https://github.com/NVIDIA/TensorRT, python/src, at these tags and branches")
    releases = json.dumps(RELEASES)
    TABLE.write_text(f'{{"source": {source},\n "releases": {releases},\n "names": {{\n{body}\n}}}}\n', encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
