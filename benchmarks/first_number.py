"""Time and bytes from `git clone` to the first number, by stage, as somebody has them who is here for the first time.

    python benchmarks/first_number.py                         # a new clone of this repository, as it is committed
    python benchmarks/first_number.py --repository ADDRESS --whole

Home, caches and pip's own cache are in a folder that is thrown away, so that every package is fetched and every file
exported. `make bench` runs on a terminal; the first number is the first median that it shows there, after which it is
interrupted, but for --whole. How quickly packages come is the line's; the table says how many bytes came, which are
none where pip is configured to find them on this computer.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from latency_bench.harness.export.time_left import COMPLETE

ROOT = Path(__file__).resolve().parents[1]
AIM_S = 300.0
_NUMBER = re.compile(rb"median [0-9.]+ (ms|s)")
_NOT_SET = re.compile("BENCH_.*|MAKE.*|MFLAGS|PIP_CONSTRAINT|VIRTUAL_ENV|PYTHONPATH|XDG_(CACHE|CONFIG)_HOME")
"""What a new user has not set. Those of make are there where a target of a Makefile runs this."""


@dataclass(frozen=True)
class Stage:
    """`seconds` None: the stage is inside the one above, and only its bytes are told."""

    name: str
    seconds: float | None
    size_bytes: int | None = None

    def line(self) -> str:
        seconds = "" if self.seconds is None else f"{self.seconds:.1f} s"
        size = "" if self.size_bytes is None else f"{self.size_bytes / 1e6:.1f} MB"
        return f"| {self.name} | {seconds} | {size} |"


@dataclass(frozen=True)
class Watched:
    """A command on a terminal of its own: what it printed, when the first number stood there, and when it ended."""

    text: str
    first_s: float | None
    ended_s: float
    code: int


def watch(command: Sequence[str], folder: Path, environment: Mapping[str, str], whole: bool) -> Watched:
    """Run it until its first number, or to its end where `whole` is asked or no number comes."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    begun_s = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=follower, stderr=follower,
        start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    text, first_s = b"", None
    for chunk in _chunks(leader):
        text += chunk
        if first_s is None and _NUMBER.search(text):
            first_s = time.monotonic() - begun_s
            if not whole:
                os.killpg(process.pid, signal.SIGINT)
    os.close(leader)
    code = process.wait()
    return Watched(text.decode("utf-8", "replace"), first_s, time.monotonic() - begun_s, code)


def _chunks(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 1 << 16)
        except OSError:  # how Linux says that nobody has the other end open any more
            return
        if not chunk:
            return
        yield chunk


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def timed(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Seconds; what it prints goes to stderr."""
    begun_s = time.monotonic()
    subprocess.run(command, cwd=folder, env=dict(environment), check=True, stdout=sys.stderr)
    return time.monotonic() - begun_s


def _parts(begins_s: Mapping[str, float]) -> Iterator[Stage]:
    """Of an export, by when each of its stages began (harness/export/time_left.py)."""
    ordered = sorted(begins_s, key=lambda name: begins_s[name])
    for name, following in pairwise(ordered):
        yield Stage(f"export: {name}", begins_s[following] - begins_s[name])


def stages(repository: str, folder: Path, whole: bool) -> Iterator[Stage]:
    """In order. Raises CalledProcessError for a stage that fails, RuntimeError where no number was shown."""
    pip, cache = folder / "pip", folder / "cache"
    kept = {name: value for name, value in os.environ.items() if not _NOT_SET.fullmatch(name)}
    own = {"HOME": str(folder / "home"), "PIP_CACHE_DIR": str(pip), "BENCH_CACHE": str(cache)}
    environment = {**kept, **own}
    for place in (folder / "home", pip, cache):
        place.mkdir()
    clone = folder / "clone"
    cloned_s = timed(["git", "clone", "--quiet", repository, str(clone)], folder, environment)
    yield Stage("`git clone`", cloned_s, size_of(clone / ".git"))
    installed_s = timed(["make", "local"], clone, environment)
    yield Stage("packages, and what was fetched for them", installed_s, size_of(pip))
    yield Stage("`.venv`", None, size_of(clone / ".venv"))
    watched = watch(["make", "bench"], clone, environment, whole)
    if watched.first_s is None:
        raise RuntimeError(f"no number was shown; make ended with code {watched.code}:\n{watched.text[-2000:]}")
    exports = [json.loads(path.read_text())["stages_s"] for path in sorted(cache.rglob("manifest.json"))]
    for begins_s in exports:
        yield from _parts(begins_s)
    exported_s = sum(begins_s[COMPLETE] for begins_s in exports)
    yield Stage("starting, loading, warm-up and the first requests", watched.first_s - exported_s)
    yield Stage("**from the clone to the first number**", cloned_s + installed_s + watched.first_s)
    if whole:
        yield Stage("**to the result, all rounds measured**", cloned_s + installed_s + watched.ended_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", default=ROOT.as_uri(), help="what is cloned (default: this checkout's)")
    parser.add_argument("--whole", action="store_true", help="measure to the end, and not to the first number alone")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before\n")
    print("| stage | time | bytes |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for stage in stages(options.repository, Path(folder), options.whole):
            print(stage.line(), flush=True)
    assert stage.seconds is not None
    return 0 if stage.seconds <= AIM_S or options.whole else 1


if __name__ == "__main__":
    sys.exit(main())
