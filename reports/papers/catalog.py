"""Which papers there are: those that ship here, those of installed packages, and any folder.

A package adds its own by an entry point of the group `bench.papers` whose value is a package that holds a paper.yaml.
"""

from __future__ import annotations

import difflib
import os
from functools import cache
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.papers.paper import Paper
from latency_bench.reports.papers.reading import FILE, read_paper

GROUP = "bench.papers"
_HERE = Path(__file__).parent


@cache
def default_name() -> str:
    """The paper that is meant where none is named."""
    return (_HERE / "default.txt").read_text(encoding="utf-8").strip()


@cache
def default_paper() -> Paper:
    return read_paper(default_name(), _HERE / default_name())


def find_paper(text: str) -> Paper:
    """The paper of this name, of an installed package, or in this folder. Raises PaperError."""
    if text in (known := papers()):
        return _installed(text, known[text])
    folder = Path(text)
    if os.sep in text or folder.is_dir():
        return read_paper(folder.resolve().name or "paper", folder.absolute())
    near = difflib.get_close_matches(text, known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"name one of {', '.join(known)}, or a folder with a {FILE}"
    raise PaperError(f"there is no paper called {text!r}; {hint}")


@cache
def _installed(name: str, place: Path | EntryPoint) -> Paper:
    """Read once a process; a folder of the user's may change meanwhile."""
    return read_paper(name, _folder(place))


def papers() -> dict[str, Path | EntryPoint]:
    """By name, the folders that ship here, then the entry points of installed packages; the default paper first."""
    ours: dict[str, Path | EntryPoint] = {path.parent.name: path.parent for path in sorted(_HERE.glob(f"*/{FILE}"))}
    theirs = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    # A package's paper never takes the place of one that ships here.
    added = {entry.name: entry for entry in theirs if entry.name not in ours}
    return {default_name(): ours[default_name()], **ours, **added}


def _folder(place: Path | EntryPoint) -> Path:
    if isinstance(place, Path):
        return place
    try:
        return Path(str(resources.files(place.load())))
    except Exception as error:  # Whatever a foreign package raises at import: name the package, it is not our fault.
        raise PaperError(
            f"entry point {place.name!r} ({GROUP} = {place.value!r}) cannot be loaded: {error}; fix or uninstall the "
            "package that declares it"
        ) from error
