"""A runtime with an option, a file format and a precision of its own: one file of a third party's package and its entry
points, and nothing else. The device's Python has neither that package nor latency-bench."""

from __future__ import annotations

import json
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

SOURCE = (Path(__file__).parent / "plugins" / "lab_scripted.py").read_text(encoding="utf-8")
ENTRY_POINTS = {
    "bench.runtimes": "scripted = lab_scripted:Scripted",
    "bench.formats": "torchscript = lab_scripted:TorchScript",
}
TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")
FAST = "\n".join(
    [
        "name: fast",
        "rounds: 1",
        "campaign_rounds: 1",
        "warmup: {min_count: 2, max_count: 20, min_s: 0.02, max_s: 0.5, window: 0}",
        "sampling: {min_count: 10, max_count: 30, min_s: 0.02, max_s: 5, relative_interval: null}",
    ]
)
Lab = Callable[..., Any]


@pytest.fixture(scope="session")
def device_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with every package that this one has, except latency-bench: what makes a checkout importable is a .pth
    file, and those of a folder that is merely on the path are not read."""
    folder = tmp_path_factory.mktemp("device") / "env"
    venv.create(folder, symlinks=True, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *_site_packages()}
    (site / "packages.pth").write_text("\n".join(sorted(packages)) + "\n")
    return folder / "bin" / "python"


def _site_packages() -> list[str]:
    return [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]


@pytest.fixture
def lab(bench: Callable[..., Any], install_package: Callable[..., Path], tmp_path: Path, device_python: Path) -> Lab:
    """lab("run", ...): a `bench` command where the package is installed, on a device whose Python lacks it. `python`:
    the words that start that Python."""
    site = install_package("lab_scripted", SOURCE, ENTRY_POINTS)
    (tmp_path / "fast.yaml").write_text(FAST)

    def run(*words: str, python: tuple[str, ...] = (), env: dict[str, str] | None = None, **fields: Any) -> Any:
        # The package is installed on the host alone, and the worker inherits PYTHONPATH.
        start = list(python) or ["env", "-u", "PYTHONPATH", str(device_python)]
        device = {"python": start, "runtime": "scripted", **fields}
        (tmp_path / "devices.yaml").write_text(json.dumps({"devices": {"lab": device}}))
        environment = {"PYTHONPATH": str(site), "BENCH_DEVICES": str(tmp_path / "devices.yaml"), **(env or {})}
        return bench(*words, env=environment)

    return run


def _record(done: Any) -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((Path(done.json()["path"]) / "record.json").read_text())


def test_it_is_measured_with_its_option_format_and_precision(lab: Lab) -> None:
    asked = ("--precision", "half-stored", "--runtime-option", "freeze=true", "--threads", "1")
    record = _record(lab("run", "--device", "lab", *TINY, "--protocol", "fast.yaml", *asked, "--json"))
    assert record["runtime"]["name"] == "scripted"
    assert record["runtime"]["options"] == {"threads": 1, "freeze": True}
    assert (record["artifact"]["format"], record["model"]["precision"]) == ("torchscript", "half-stored")
    assert record["artifact"]["facts"]["exporter"] == "torch.jit.trace"
    assert record["fidelity"]["passed"] is True
    # Judged as fp16-weights are, and not as fp32: the weights were rounded.
    assert record["fidelity"]["tolerance"]["max_rel"] == pytest.approx(1e-2)
    assert record["fidelity"]["metrics"]["logits"]["max_rel"] > 1e-6


def test_doctor_starts_the_worker_and_has_it_make_the_runtime(lab: Lab) -> None:
    done = lab("devices", "doctor", "lab", "--json")
    checks = {check["check"]: check for check in done.json()["checks"]}
    assert checks["scripted modules"]["found"] == "torch"
    assert checks["worker"]["status"] == "ok", checks
    assert "imports torch" in checks["worker"]["found"]
    wrong = lab("devices", "doctor", "lab", "--json", runtime_options={"freze": True})
    assert wrong.returncode == 1
    failed = [check for check in wrong.json()["checks"] if check["status"] == "failed"]
    assert [check["check"] for check in failed] == ["worker"]
    assert "freeze (true or false; default false)" in failed[0]["remedy"]


def test_help_and_errors_know_it(lab: Lab) -> None:
    shown = " ".join(lab("run", "--help").stdout.split())
    assert "scripted" in shown
    assert "--torchscript FILE" in shown
    for words, said in (
        (("--runtime-option", "freze=true"), "freeze (true or false; default false)"),
        (("--runtime-option", "freeze=1"), "expected true or false, got 1"),
        (("--precision", "fp16"), "runtime scripted takes --precision fp32, half-stored; not fp16"),
        (("--precision", "fp42"), "half-stored"),
        (("--runtime", "scrpted"), "scripted"),
        (("--runtime", "onnxruntime", "--precision", "half-stored"), "which scripted takes"),
    ):
        done = lab("run", "--device", "lab", *TINY, *words)
        assert done.returncode == 2, (words, done.stdout + done.stderr)
        assert said in " ".join(done.stderr.split()), (words, done.stderr)
        assert "Traceback" not in done.stderr
    assert lab("results", "ls", "--json").json() == []


@pytest.mark.slow
def test_a_file_of_its_format_is_exported_and_brought_back(lab: Lab, tmp_path: Path) -> None:
    exported = lab("export", *TINY, "--format", "torchscript", "--to", str(tmp_path / "mine.pts"))
    assert exported.returncode == 0, exported.stderr
    measured = ("--protocol", "fast.yaml", "--json")
    record = _record(lab("run", "--device", "lab", "--torchscript", str(tmp_path / "mine.pts"), *measured))
    assert record["model"]["id"] == f"file-mine-{record['artifact']['sha256'][:8]}"
    assert record["runtime"]["name"] == "scripted"
    (tmp_path / "noise.pts").write_bytes(b"not a program" * 10)
    refused = lab("run", "--device", "lab", "--torchscript", str(tmp_path / "noise.pts"))
    assert refused.returncode == 2
    assert "is no TorchScript file" in refused.stderr


@pytest.mark.parametrize("flags", [(), ("-I",), pytest.param(("-P",), marks=pytest.mark.slow)])
def test_the_worker_starts_whatever_its_python_is_told(lab: Lab, device_python: Path, flags: tuple[str, ...]) -> None:
    if flags == ("-P",) and sys.version_info < (3, 11):
        pytest.skip("Python has -P since 3.11")
    python = ("env", "-u", "PYTHONPATH", "PYTHONSAFEPATH=1", str(device_python), *flags)
    measured = ("--protocol", "fast.yaml", "--json")
    asked = {"python": python, "env": {"PYTHONSAFEPATH": "1"}, "runtime": "onnxruntime"}
    done = lab("run", "--device", "lab", *TINY, *measured, **asked)
    assert _record(done)["status"] in ("done", "unstable")


def test_a_module_that_cannot_be_imported_is_told(lab: Lab, tmp_path: Path) -> None:
    module = tmp_path / "site-packages" / "lab_scripted.py"
    module.write_text("import a_package_that_nobody_has\n" + module.read_text())
    done = lab("run", "--device", "lab", *TINY)
    assert done.returncode == 2
    assert "a_package_that_nobody_has" in done.stderr
    assert "Traceback" not in done.stderr
    # And nothing else suffers from it.
    other = lab("run", "--device", "lab", *TINY, "--runtime", "onnxruntime", "--precision", "fp16-weights")
    assert other.returncode == 2
    assert "not fp16-weights, which litert takes" in other.stderr
    assert "--onnx FILE" in lab("run", "--help").stdout
