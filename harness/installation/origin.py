"""How bench came to be installed here, and so how an extra is added to it: what to type, for this very installation."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from latency_bench.harness.installation.extras import DISTRIBUTION, PURPOSES, complete_extras, installed_distribution

PIPX_MARK = "pipx_metadata.json"
UV_TOOL_MARK = "uv-receipt.toml"
"""Files that pipx and uv leave in an environment that they made for a program."""


@dataclass(frozen=True)
class Origin:
    """Where the installation comes from and what made it."""

    installer: str
    """`pip`, `uv`, `pipx` or `uv tool`."""
    source: str | None
    """Folder or file that it was installed from; None: from a package index."""
    editable: bool = False

    def command(self, extras: Iterable[str]) -> str:
        """The command that adds these extras."""
        wanted = list(extras)
        if self.installer in ("pipx", "uv tool"):
            # These make the environment anew: what is there already has to be named again.
            wanted = [name for name in PURPOSES if name in {*wanted, *complete_extras()}]
            return f"{self.installer} install --force {shlex.quote(self._requirement(wanted))}"
        editable = "-e " if self.editable else ""
        what = editable + shlex.quote(self._requirement(wanted))
        constraints = self._constraints()
        if self.installer == "uv":
            limit = f"-c {shlex.quote(str(constraints))} " if constraints else ""
            return f"uv pip install --python {shlex.quote(sys.executable)} {limit}{what}"
        limit = f"PIP_CONSTRAINT={shlex.quote(str(constraints))} " if constraints else ""
        return f"{limit}{shlex.quote(sys.executable)} -m pip install {what}"

    def _requirement(self, extras: Iterable[str]) -> str:
        named = f"[{','.join(extras)}]"
        if self.source is None:
            return f"{DISTRIBUTION}{named}"
        # A path with a space or a bracket in it cannot stand before extras.
        is_plain = Path(self.source).exists() and not set(self.source) & set(" []@;#")
        return f"{self.source}{named}" if is_plain else f"{DISTRIBUTION}{named} @ {Path(self.source).as_uri()}"

    def _constraints(self) -> Path | None:
        """The checkout's pinned versions."""
        file = Path(self.source or "") / "constraints.txt"
        return file if self.source is not None and file.is_file() else None


def origin() -> Origin:
    """Of the bench that is running."""
    distribution = installed_distribution()
    if distribution is None:
        return Origin("pip", _checkout(), editable=True)
    direct = _direct_url(distribution.read_text("direct_url.json"))
    editable = bool(direct.get("dir_info", {}).get("editable"))
    return Origin(_installer(distribution), _path_of(str(direct.get("url", ""))), editable)


def install_command(extras: Iterable[str]) -> str:
    """What to type, so that this installation has these extras."""
    return origin().command(extras)


def _installer(distribution: Distribution) -> str:
    prefix = Path(sys.prefix)
    if (prefix / PIPX_MARK).exists():
        return "pipx"
    if (prefix / UV_TOOL_MARK).exists():
        return "uv tool"
    return "uv" if (distribution.read_text("INSTALLER") or "").strip() == "uv" else "pip"


def _direct_url(text: str | None) -> dict[str, dict[str, object]]:
    """The content of direct_url.json (PEP 610), which is there where it was not installed from an index."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _path_of(url: str) -> str | None:
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "file" else None


def _checkout() -> str | None:
    """The folder with pyproject.toml that this file lies in, where bench runs from a checkout that is not installed."""
    root = Path(__file__).resolve().parents[2]
    return str(root) if (root / "pyproject.toml").is_file() else None
