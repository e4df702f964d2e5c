"""Install the wheel with every Python, extra and choice of versions, and run what the extra is for.

    python scripts/install_trial.py --python 3.10 --python /opt/python3.14/bin/python3 --results installs.jsonl
    python scripts/install_trial.py --results installs.jsonl --table

A cell is a Python, an extra and one of `pinned` (constraints.txt), `newest` and `lowest` (the lower bounds of
pyproject.toml, by uv's lowest-direct). It is an environment of its own, made by uv, and removed again; what would have
to be compiled is a failure, but for C with `--compile`. What became of a cell is one line of the results; cells that
are there are not tried again, so that the trial can be stopped and resumed. torch is several gigabytes where its index
has CUDA builds alone: `--extra` and `--versions` narrow the trial down. Ends with code 1 where a cell that was tried
does not work.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from email.parser import Parser
from pathlib import Path

import installed_commands

ROOT = Path(__file__).resolve().parents[1]
CORE = "core"
VERSIONS = ("lowest", "newest", "pinned")
_NOTHING_COMPILED = {"CC": "/bin/false", "CXX": "/bin/false", "RUSTC": "/bin/false"}
_VERSION = re.compile(r"3\.\d+")
_OWN = re.compile(r"^latency-bench\[([^\]]+)\]")
_EXTRA = re.compile(r"extra\s*==\s*[\"']([\w-]+)[\"']")


@dataclass(frozen=True)
class Cell:
    """One installation that was tried."""

    python: str
    """`3.11`"""
    extra: str
    versions: str
    works: bool
    said: str = ""
    """Why it does not work: of uv, or of the first command that failed."""
    installed: str = ""
    """`name version`, with commas between, of what the wheel names itself."""
    duration_s: float = 0.0
    resolved_alone: bool = False
    """Whether the versions were only asked for: nothing was installed and nothing run."""


class Wheel:
    """The distribution that is tried, and what it says it needs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            metadata = Parser().parsestr(archive.read(name).decode())
        self._lines: list[str] = metadata.get_all("Requires-Dist") or []
        self.extras = [name for name in metadata.get_all("Provides-Extra") or [] if name != "dev"]

    def requirements(self, extra: str) -> list[str]:
        """Every distribution that is named for the core and an extra, without those that other distributions bring."""
        own = [line for line in self._lines if not _EXTRA.search(line)]
        return own if extra == CORE else list(dict.fromkeys([*own, *self._of_extra(extra)]))

    def _of_extra(self, extra: str) -> Iterator[str]:
        for line in self._lines:
            named = _EXTRA.search(line)
            if named is None or named[1] != extra:
                continue
            requirement, _, marker = (part.strip() for part in line.partition(";"))
            if inner := _OWN.match(requirement):
                for name in inner[1].split(","):
                    yield from self._of_extra(name)
            else:
                kept = [part for part in marker.split(" and ") if not _EXTRA.search(part)]
                yield f"{requirement}; {' and '.join(kept)}" if kept else requirement


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", type=Path, required=True, help="file of cells, a line of JSON each")
    options.add_argument("--wheel", type=Path, help="default: built from this checkout")
    options.add_argument("--python", action="append", default=[], help="version or path; may be repeated")
    options.add_argument("--extra", action="append", default=[], help=f"default: {CORE}, and every extra")
    options.add_argument("--versions", action="append", default=[], choices=VERSIONS, help="default: all three")
    options.add_argument("--again", action="store_true", help="try cells again that did not work")
    options.add_argument("--resolve", action="store_true", help="only ask which versions would be installed")
    options.add_argument("--compile", action="store_true", help="let distributions without a wheel compile C")
    options.add_argument("--table", action="store_true", help="print the results as a table, and try nothing")
    asked = options.parse_args(arguments)
    cells = read(asked.results)
    os.environ.update(_NOTHING_COMPILED if not asked.compile else {"RUSTC": _NOTHING_COMPILED["RUSTC"]})
    if asked.table:
        print(table(cells))
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-installs-") as name:
        wheel = Wheel(asked.wheel or build(Path(name)))
        known = {
            (cell.python, cell.extra, cell.versions)
            for cell in cells
            if (cell.works or not asked.again) and (asked.resolve or not cell.resolved_alone)
        }
        failed = False
        for python in asked.python or [sys.executable]:
            # What would be installed can be asked for a Python that is not here.
            version = python if asked.resolve and _VERSION.fullmatch(python) else version_of(python)
            for versions in asked.versions or VERSIONS:
                for extra in asked.extra or [CORE, *wheel.extras]:
                    if (version, extra, versions) in known:
                        continue
                    if asked.resolve:
                        cell = resolved(wheel, version, extra, versions)
                    else:
                        cell = tried(wheel, python, version, extra, versions)
                    with asked.results.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(asdict(cell)) + "\n")
                    failed = failed or not cell.works
                    why = (cell.said.splitlines() or [""])[-1]
                    print(f"{version} {extra} {versions}: {_outcome(cell) if cell.works else why}", flush=True)
    return 1 if failed else 0


def read(results: Path) -> list[Cell]:
    """The cells of a file, the last line of each; none where there is no file yet."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    cells = [Cell(**json.loads(line)) for line in lines]
    return list({(cell.python, cell.extra, cell.versions): cell for cell in cells}.values())


def build(folder: Path) -> Path:
    """A wheel of this checkout."""
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def tried(wheel: Wheel, python: str, version: str, extra: str, versions: str) -> Cell:
    """An environment, what is tried in it, and its removal."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-install-") as name:
        folder = Path(name)
        said, installed = "", ""
        try:
            install(wheel, python, extra, versions, folder / "environment")
            installed = ", ".join(named_versions(wheel, extra, folder / "environment"))
            use(extra, folder)
        except installed_commands.CommandFailedError as error:
            said = str(error)[-4000:]
        except subprocess.CalledProcessError as error:
            said = str(error.stderr)[-4000:]
        return Cell(version, extra, versions, not said, said, installed, round(time.monotonic() - began, 1))


def resolved(wheel: Wheel, version: str, extra: str, versions: str) -> Cell:
    """Whether there are versions that go together, and which they are of what the wheel names."""
    began = time.monotonic()
    named = set(map(distribution_of, wheel.requirements(extra)))
    said, pins = "", []
    with tempfile.TemporaryDirectory(prefix="bench-resolve-") as folder:
        inputs = Path(folder) / "requirements.in"
        options, requirements = _choice(wheel, extra, versions)
        inputs.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        words = ("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", version)
        try:
            pins = [line.partition("==") for line in uv(*words, *options, str(inputs)).splitlines() if "==" in line]
        except subprocess.CalledProcessError as error:
            said = str(error.stderr)[-4000:]
    installed = ", ".join(f"{canonical(name)} {pin}" for name, _, pin in pins if canonical(name) in named)
    return Cell(version, extra, versions, not said, said, installed, round(time.monotonic() - began, 1), True)


def install(wheel: Wheel, python: str, extra: str, versions: str, environment: Path) -> None:
    """Raises CalledProcessError, with uv's words."""
    uv("venv", "--quiet", "--python", python, str(environment))
    options, requirements = _choice(wheel, extra, versions)
    uv("pip", "install", "--quiet", "--python", str(environment / "bin/python"), *options, *requirements)


def _choice(wheel: Wheel, extra: str, versions: str) -> tuple[list[str], list[str]]:
    """Options of uv for a choice of versions, and what is to be installed."""
    named = str(wheel.path.absolute()) if extra == CORE else f"{wheel.path.absolute()}[{extra}]"
    if versions == "lowest":
        # Direct is what is named to uv: what the wheel needs is named beside it.
        return ["--resolution", "lowest-direct"], [*wheel.requirements(extra), named]
    return (["--constraints", str(ROOT / "constraints.txt")] if versions == "pinned" else []), [named]


def named_versions(wheel: Wheel, extra: str, environment: Path) -> Iterator[str]:
    listed = json.loads(uv("pip", "list", "--quiet", "--format=json", "--python", str(environment / "bin/python")))
    versions = {canonical(found["name"]): found["version"] for found in listed}
    for line in wheel.requirements(extra):
        name = distribution_of(line)
        if name in versions:
            yield f"{name} {versions[name]}"


def use(extra: str, folder: Path) -> None:
    """Raises CommandFailedError."""
    empty = folder / "empty"
    for made in (empty, folder / "home"):
        made.mkdir()
    environment = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    # Nothing is concluded from the numbers, so that it need not wait for its turn on this computer.
    environment["BENCH_LOCKS"] = str(folder / "locks")
    commands = installed_commands.CORE if extra == CORE else installed_commands.BY_EXTRA.get(extra, ("--version",))
    python, bench = folder / "environment/bin/python", folder / "environment/bin/bench"
    for module in installed_commands.IMPORTS.get(extra, ()):
        installed_commands.run([str(python), "-c", f"import {module}"], f"import {module}", empty, environment)
    installed_commands.run_all(bench, commands, empty, environment)


def table(cells: Sequence[Cell]) -> str:
    """Markdown: a row an extra and a choice of versions, a column a Python; why not is in notes below."""
    by_key = {(cell.python, cell.extra, cell.versions): cell for cell in cells}
    pythons = sorted({cell.python for cell in cells}, key=lambda version: [int(part) for part in version.split(".")])
    extras = list(dict.fromkeys(cell.extra for cell in cells))
    notes: dict[str, int] = {}
    lines = [f"| extra | versions | {' | '.join(pythons)} |", "|---" * (2 + len(pythons)) + "|"]
    for extra in extras:
        for versions in VERSIONS:
            row = [by_key.get((python, extra, versions)) for python in pythons]
            lines.append(f"| {extra} | {versions} | {' | '.join(_mark(cell, notes) for cell in row)} |")
    return "\n".join([*lines, "", *(f"{number}. {why}" for why, number in notes.items())])


def _mark(cell: Cell | None, notes: dict[str, int]) -> str:
    if cell is None:
        return "not run"
    if cell.works:
        return _outcome(cell)
    return f"no ({notes.setdefault(' '.join(cell.said.split())[-300:], len(notes) + 1)})"


def _outcome(cell: Cell) -> str:
    return "resolves" if cell.resolved_alone else "works"


def version_of(python: str) -> str:
    found = uv("python", "find", "--no-project", python).strip()
    said = subprocess.check_output([found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True)
    return said.strip()


def distribution_of(requirement: str) -> str:
    """`Click[x]>=8` -> `click`"""
    return canonical(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def uv(*words: str) -> str:
    """What uv prints. Raises CalledProcessError."""
    program = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])) or "uv"
    return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
