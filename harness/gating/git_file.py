"""A model file as it was at a revision of git: `git:main`, `git:v1.2`, `git:HEAD~3:models/other.onnx`.

Nothing is checked out and no hook or filter runs: the file is read out of the object store. Neither the revision nor
the path can be an option of git, and the path is one of the repository that the candidate's file lies in.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from latency_bench.harness.errors import UsageError

MARK = "git:"
_LFS = b"version https://git-lfs.github.com/spec/"
_LONGEST_S = 120.0


def file_at(text: str, candidate: Path, folder: Path) -> tuple[Path, str]:
    """Write the file that `text` (`git:REV` or `git:REV:PATH`) names into `folder`, under its own name; its place, and
    the commit. The path is the candidate's where none is named, else relative to the root of the repository; the
    weights of an ONNX file come along.

    Raises UsageError where there is no such revision or file, or where it is a pointer of Git LFS.
    """
    revision, _, named = text.removeprefix(MARK).partition(":")
    here = candidate.resolve().parent
    if not revision or revision.startswith("-"):
        raise UsageError(f"{text!r}: write git:REVISION, for example git:main")
    root = Path(
        os.fsdecode(_git(here, "rev-parse", "--show-toplevel", failed=f"{candidate} does not lie in a git repository"))
    )
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = _git(root, *words, failed=f"{text}: there is no revision {revision!r} in the repository {root}").decode()
    try:
        path = named or candidate.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        raise UsageError(f"{candidate} is not in the repository {root}; name its path with {text}:PATH") from None
    place = _write(root, commit, path, folder)
    for beside in _names_beside(place):
        _write(root, commit, (Path(path).parent / beside).as_posix(), folder)
    return place, commit


def _write(root: Path, commit: str, path: str, folder: Path) -> Path:
    """Straight into the file, however large it is."""
    place = folder / Path(path).name
    with place.open("wb") as file:
        done = _run(root, ("cat-file", "blob", f"{commit}:{path}"), file.fileno())
    if done.returncode != 0:
        raise UsageError(f"there is no file {path} in the commit {commit[:12]}")
    with place.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise UsageError(f"{path} is kept by Git LFS: get the file of {commit[:12]} and name it as the baseline")
    return place


def _names_beside(path: Path) -> tuple[str, ...]:
    """Files that it refers to, none of them elsewhere than beside it; what is no model is said later."""
    from latency_bench.harness.export.errors import ExportError
    from latency_bench.harness.export.formats import known_formats

    format_ = next((one for one in known_formats() if one.suffix == path.suffix), None)
    try:
        names = () if format_ is None else format_.external_data(path)
    except ExportError as error:
        raise UsageError(str(error)) from None
    bad = next((name for name in names if Path(name).name != name), None)
    if bad is not None:
        raise UsageError(f"{path.name}: its weights lie in {bad!r}, which is not beside it")
    return names


def _git(folder: Path, *words: str, failed: str) -> bytes:
    done = _run(folder, words, subprocess.PIPE)
    if done.returncode != 0:
        raise UsageError(failed)
    return done.stdout.removesuffix(b"\n")


def _run(folder: Path, words: tuple[str, ...], stdout: int) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), "--no-optional-locks", *words],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_S,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError("git is not installed; install it, or name a file as the baseline") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"git {words[0]} did not end within {_LONGEST_S:.0f} s in {folder}") from None
