"""The wheel as a user gets it: complete, and the same from the tree and from the sdist."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def test_it_holds_every_file_of_the_packages_and_nothing_else(
    wheel: Path, tree: Path, load_script: Callable[[str], ModuleType]
) -> None:
    assert list(load_script("scripts/check_wheel.py").complaints(wheel, tree)) == []


def test_what_is_missing_and_what_is_too_much_is_said(
    wheel: Path, tree: Path, tmp_path: Path, load_script: Callable[[str], ModuleType]
) -> None:
    broken = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(broken, "w") as less:
        for name in archive.namelist():
            if not name.endswith(("quick.yaml", "uplot/LICENSE")):
                less.writestr(name, archive.read(name))
        less.writestr("reports/__init__.py", "")
    lines = list(load_script("scripts/check_wheel.py").complaints(broken, tree))
    assert "missing: latency_bench/harness/protocols/quick.yaml" in lines
    assert "not expected: reports/__init__.py" in lines
    assert any("uPlot's licence is missing" in line for line in lines)


def test_the_sdist_builds_the_same_wheel_as_the_tree(
    wheel: Path, tree: Path, tmp_path: Path, release: ModuleType
) -> None:
    release.uv("build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(tree))
    (direct,) = tmp_path.glob("*.whl")
    assert release.contents(direct) == release.contents(wheel)


def test_links_of_the_readme_are_absolute_where_the_repository_has_an_address() -> None:
    spec = importlib.util.spec_from_file_location("setup_of_the_project", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    setup = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(setup)
    readme = "![A figure](docs/a.svg) [How](docs/method.md), [uPlot](https://example.org), [below](#more)"
    assert setup.index_page(readme, "https://example.org/bench", "1.2.0") == (
        "![A figure](https://example.org/bench/raw/v1.2.0/docs/a.svg) "
        "[How](https://example.org/bench/blob/v1.2.0/docs/method.md), [uPlot](https://example.org), [below](#more)"
    )
    assert setup.index_page(readme, None, "1.2.0") == " How, [uPlot](https://example.org), [below](#more)"
