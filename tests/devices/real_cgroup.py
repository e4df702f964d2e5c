"""A control group with limits, made for one test on this machine, in which a process can be started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class UnavailableError(Exception):
    """No group can be made here: not root, or nothing is mounted that could be written to."""


@contextmanager
def limited_group(memory_bytes: int | None = None, cores: float | None = None) -> Iterator[Group]:
    """A group of v1 or v2, whichever the machine has the controllers in. Raises UnavailableError."""
    files: dict[str, dict[str, str]] = {}
    if memory_bytes is not None:
        files["memory"] = {"memory.limit_in_bytes": str(memory_bytes), "memory.max": str(memory_bytes)}
    if cores is not None:
        quota = str(int(cores * 100_000))
        files["cpu"] = {"cpu.cfs_quota_us": quota, "cpu.max": f"{quota} 100000"}
    folders: list[Path] = []
    try:
        for controller, values in files.items():
            folder = _base(controller) / f"bench-test-{uuid.uuid4().hex[:8]}"
            folder.mkdir()
            folders.append(folder)
            known = [name for name in values if (folder / name).exists()]
            if not known:
                raise UnavailableError(f"{folder} has no file to limit {controller} with")
            for name in known:
                (folder / name).write_text(values[name])
        yield Group(folders)
    except OSError as error:
        raise UnavailableError(str(error)) from error
    finally:
        for folder in folders:
            _remove(folder)


class Group:
    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def python(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run this Python with `words` in the group."""
        joins = "".join(f"echo $$ > {folder}/cgroup.procs && " for folder in self._folders)
        return subprocess.run(
            ["sh", "-c", f'{joins}exec "$@"', "sh", sys.executable, *words],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **(env or {})},
            check=False,
        )


def _base(controller: str) -> Path:
    """Where this process's own group of a controller is mounted."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return next(
                folder
                for folder in (ROOT / controller / path.lstrip("/"), ROOT / controller, ROOT / controllers)
                if folder.is_dir()
            )
    own = next(line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if "::" in line)
    mounted = ROOT / own.lstrip("/") if (ROOT / own.lstrip("/")).is_dir() else ROOT
    if controller not in (mounted / "cgroup.controllers").read_text().split():
        raise UnavailableError(f"no controller {controller} in {mounted}")
    (mounted / "cgroup.subtree_control").write_text(f"+{controller}")
    return mounted


def _remove(folder: Path) -> None:
    """A group is busy for a moment after its last process has ended."""
    for _ in range(100):
        try:
            folder.rmdir()
            return
        except OSError:
            time.sleep(0.05)
    folder.rmdir()
