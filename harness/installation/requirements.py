"""What a command needs beyond the core, asked for before anything is exported or measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec

from latency_bench.harness.errors import UsageError
from latency_bench.harness.installation.extras import least_extras, this_python, without_release
from latency_bench.harness.installation.origin import install_command

Alternatives = tuple[str, ...]
"""Modules of which one is enough."""


class MissingPackagesError(UsageError):
    """Packages that a command needs are not installed; the message has the line that installs them all."""


def require(needed: Iterable[str | Alternatives]) -> None:
    """Raises MissingPackagesError, which names every module that is not there, and the extras that bring them."""
    groups = [(one,) if isinstance(one, str) else one for one in needed]
    missing = list(dict.fromkeys(group[0] for group in groups if not any(map(_is_there, group))))
    if missing:
        raise MissingPackagesError(explanation(missing))


def explanation(missing: Sequence[str]) -> str:
    """What is not installed, and what to type."""
    plural = "are" if len(missing) > 1 else "is"
    said = f"this needs {_listed(missing)}, which {plural} not installed"
    if unavailable := without_release(missing):
        return f"{said}, and {_listed(unavailable)} cannot be installed: there is no release for Python {this_python()}"
    extras = least_extras(missing)
    if not extras:
        return f"{said}. Install the package that brings it"
    return f"{said}. To install what is missing: {install_command(extras)}"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
