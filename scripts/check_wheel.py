"""What a wheel of this project holds, against the tree that it was built from.

scripts/check_wheel.py WHEEL     prints what is wrong with it; exit code 1 if anything is
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"latency_bench": "latency_bench", "bench_worker": "devices/worker"}
"""Installed name, and where its files lie in the repository; the links in latency_bench/ are followed."""
NOT_INSTALLED = ("latency_bench/devices/worker/",)
"""Installed as bench_worker alone."""
LICENSES = {"LICENSE": "LICENSE", "latency_bench/reports/html/static/uplot/LICENSE": "uPlot's"}
_RELATIVE_LINK = re.compile(r"\]\((?!https?://)[^)]*\)")


def expected_files(tree: Path) -> set[str]:
    """Every file of the packages under its installed name: modules and data alike, so that none is forgotten."""
    return {
        name
        for package, folder in PACKAGES.items()
        for name in _files_below(tree / folder, package)
        if not name.startswith(NOT_INSTALLED)
    }


def _files_below(folder: Path, name: str) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            yield from _files_below(path, f"{name}/{path.name}")
        elif path.is_file():
            yield f"{name}/{path.name}"


def complaints(wheel: Path, tree: Path = ROOT) -> Iterator[str]:
    """What is wrong with a wheel, a line each."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    folder = metadata_name.removesuffix("METADATA")
    installed = {name for name in names if not name.startswith(folder)}
    expected = expected_files(tree)
    yield from (f"missing: {name}" for name in sorted(expected - installed))
    yield from (f"not expected: {name}" for name in sorted(installed - expected))
    for name, whose in LICENSES.items():
        if f"{folder}licenses/{name}" not in names:
            yield f"{whose} licence is missing: licenses/{name}"
    if metadata["License-Expression"] != "Apache-2.0 AND MIT":
        yield f"the licence expression is {metadata['License-Expression']!r}"
    links = _RELATIVE_LINK.findall(str(metadata.get_payload()))
    yield from (f"the README of the package index has a relative link: {link}" for link in links)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    lines = list(complaints(Path(arguments[0])))
    print("\n".join(lines) or f"{arguments[0]}: complete")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
