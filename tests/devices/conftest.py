"""A package of a third party, installed for one test as pip would install it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

InstallPackage = Callable[..., Path]


@pytest.fixture
def install_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstallPackage:
    """install_package("lab_pi", source, {"bench.probes": "pi = lab_pi:PiProbe"}): one module and its metadata."""
    site = tmp_path / "site-packages"

    def install(module: str, source: str, entry_points: dict[str, str]) -> Path:
        metadata = site / f"{module}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        groups = "".join(f"[{group}]\n{line}\n" for group, line in entry_points.items())
        (metadata / "entry_points.txt").write_text(groups)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return site

    return install
