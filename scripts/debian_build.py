"""Programs that are built against another Debian suite, whose packages lie unpacked in a folder."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from debian_packages import CannotFetchError


class BuildError(Exception):
    """What went wrong, in one line."""


def libraries_of(root: Path) -> Path:
    """The folder of this machine's libraries below an unpacked suite."""
    return next(path for path in (root / "usr/lib").glob("*-linux-gnu*") if path.is_dir())


def link_flags(libraries: Path, final: Path) -> list[str]:
    """For a linker that has the libraries in `libraries`; the program finds them in `final`. They are newer than this
    system's C library, so the program starts through the loader beside them."""
    loader = next(libraries.glob("ld-linux*.so*"))
    found_there = [f"-Wl,-rpath,{final}", "-Wl,--disable-new-dtags", f"-Wl,--dynamic-linker={final / loader.name}"]
    return [f"-L{libraries}", *found_there, "-Wl,--allow-shlib-undefined"]


def main(build: Callable[[Path], Path], name: str, description: str | None) -> int:
    """The command line of a script that builds the program `name` in a folder."""
    words = argparse.ArgumentParser(description=description.splitlines()[0] if description else None)
    words.add_argument("folder", type=Path, help="Place of the result; kept if it is there already.")
    try:
        print(build(words.parse_args().folder))
    except (BuildError, CannotFetchError, subprocess.SubprocessError) as error:
        print(f"{name} cannot be built here: {error}", file=sys.stderr)
        return 1
    return 0
