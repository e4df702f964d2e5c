"""bench-onnxruntime for this machine, from Debian's packages alone, in about a minute.

    python scripts/build_bench_onnxruntime.py FOLDER

Debian has ONNX Runtime in its suite sid. The result, FOLDER/bench-onnxruntime, is for the tests and for a Linux board
that is measured on itself. It loads its libraries from FOLDER/root, so it stays where it was built; for a phone it is
built with Android's NDK (docs/android.md).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from debian_build import BuildError, libraries_of, link_flags, main
from debian_packages import DebianSuite

SOURCE = Path(__file__).parents[1] / "devices" / "native" / "bench_onnxruntime.cpp"
SUITE, PACKAGES = "sid", ("libonnxruntime-dev",)
NAME = "bench-onnxruntime"


def build(folder: Path) -> Path:
    """The program in `folder`, compiled anew where the source is newer. Raises BuildError, CannotFetchError."""
    folder = folder.absolute()
    program = folder / NAME
    if program.exists() and program.stat().st_mtime > SOURCE.stat().st_mtime:
        return program
    if shutil.which("g++") is None:
        raise BuildError("needs g++")
    if not (folder / "root").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            work = Path(temporary)
            DebianSuite(SUITE, work / "apt").unpack(PACKAGES, work / "root")
            # Renamed last: a folder of this name is whole.
            (work / "root").rename(folder / "root")
    _compile(program, folder / "root")
    return program


def _compile(program: Path, root: Path) -> None:
    libraries = libraries_of(root)
    headers = next(root.glob("usr/include/**/onnxruntime_cxx_api.h")).parent
    made = program.with_name(f".{NAME}")
    command = ["g++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", str(headers), str(SOURCE)]
    command += ["-o", str(made), *link_flags(libraries, libraries), "-lonnxruntime"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or [done.stderr.strip()[-300:]]
        raise BuildError(f"{SOURCE.name} does not compile: {errors[0][:300]}")
    made.replace(program)


if __name__ == "__main__":
    sys.exit(main(build, NAME, __doc__))
