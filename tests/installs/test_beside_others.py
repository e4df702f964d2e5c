"""What is installed beside packages of other people, and in a project that has folders of our folders' names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDERS = ("harness", "devices", "model_specs", "reports")
"""Our folders in the repository, and names that anybody's package may have."""


@pytest.fixture
def other_wheels(tmp_path: Path, release: ModuleType) -> list[str]:
    """Packages of other people that are called like our folders."""
    source = tmp_path / "others"
    for name in FOLDERS:
        (source / name).mkdir(parents=True)
        (source / name / "__init__.py").write_text("OWNER = 'somebody else'\n")
    (source / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['setuptools>=77']\nbuild-backend = 'setuptools.build_meta'\n"
        f"[project]\nname = 'others'\nversion = '1'\n[tool.setuptools]\npackages = {list(FOLDERS)}\n"
    )
    release.uv("build", "--quiet", "--wheel", "--out-dir", str(source / "dist"), str(source))
    return [str(path) for path in (source / "dist").glob("*.whl")]


@pytest.fixture
def environment(make_environment: Callable[[], Any], wheel: Path) -> Any:
    """The wheel with what it always needs."""
    made = make_environment()
    made.install(str(wheel))
    return made


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    # What is in a checkout that is named there would be found before what is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    given = {"env": environment, **options}
    return subprocess.run(command, check=False, capture_output=True, text=True, **given)


def test_packages_of_the_same_names_come_and_go_and_nothing_of_ours_is_touched(
    environment: Any, other_wheels: list[str], tmp_path: Path
) -> None:
    environment.install(*other_wheels)
    done = run(environment.bench, "report", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    owners = "import reports, devices, harness, model_specs; print(reports.OWNER, devices.OWNER)"
    assert "somebody else somebody else" in run(environment.python, "-c", owners, cwd=tmp_path).stdout
    environment.uninstall("others")
    for words in (("models", "ls"), ("devices", "ls"), ("results", "ls"), ("report", "--help")):
        done = run(environment.bench, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_a_project_may_have_folders_of_these_names(environment: Any, tmp_path: Path) -> None:
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    for words in (("models", "ls"), ("devices", "ls"), ("results", "ls"), ("sweep", "--table", "3", "--dry-run")):
        done = run(environment.bench, *words, cwd=tmp_path, env={"PYTHONPATH": ".", "HOME": str(tmp_path)})
        assert done.returncode == 0, done.stderr
    # As pytest and notebooks have it: the project's folder comes first.
    done = run(environment.python, "-c", IN_A_PROJECT, cwd=tmp_path, env={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr


IN_A_PROJECT = """
import sys
import latency_bench as bench
from latency_bench.devices.probes.base import Probe
from latency_bench.model_specs import list_specs
assert sys.path[0] == "" and callable(bench.run) and callable(bench.find) and list(list_specs())
"""


PLUG_IN = '''
"""A probe, as docs/adding-a-device.md describes it, with the types that mypy --strict asks for."""

from collections.abc import Mapping, Sequence
from typing import Any

from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.transports.base import Transport
from latency_bench.harness.store.listing import load_runs
from latency_bench.model_specs import load_spec


class MeterProbe(Probe):
    name = "meter"

    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        return {"port": "/dev/ttyUSB0"}

    def read(self, transport: Transport) -> list[Reading]:
        watts = transport.read_text("/run/meter/power_w")
        return [Reading("meter", "power", float(watts), "W")] if watts else []


def resolution(model: str) -> tuple[int, int]:
    return load_spec(model).resolution


rows = load_runs
'''


@pytest.mark.slow
def test_a_plug_in_passes_mypy_strict_against_the_installed_wheel(wheel_environment: Any, tmp_path: Path) -> None:
    (tmp_path / "lab_meter.py").write_text(PLUG_IN)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", "--follow-imports=silent"]
    done = run(*mypy, "--python-executable", wheel_environment.python, "lab_meter.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "lab_meter.py").write_text(PLUG_IN.replace("-> list[Reading]", "-> int"))
    assert run(*mypy, "--python-executable", wheel_environment.python, "lab_meter.py", cwd=tmp_path).returncode == 1


def test_an_editable_installation_is_the_checkout(
    make_environment: Callable[[], Any], tree: Path, tmp_path: Path
) -> None:
    made = make_environment()
    made.install("--no-deps", "--editable", str(tree))
    where = "import latency_bench, bench_worker; print(latency_bench.__path__, bench_worker.__path__)"
    done = run(made.python, "-c", where, cwd=tmp_path)
    assert str(tree) in done.stdout, done.stderr
