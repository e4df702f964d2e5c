"""The command line itself: instant help, nearest names, one line for what is missing."""

from __future__ import annotations

import subprocess
import sys

from latency_bench.harness.cli.main import COMMANDS

HEAVY = {"torch", "pandas", "pyarrow", "matplotlib", "onnx", "scipy", "numpy", "pydantic", "rich", "litert_torch"}


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom latency_bench.harness.cli.main import bench\n"
        "try:\n    bench.main(['--help'], standalone_mode=False)\nfinally:\n    print('|'.join(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split("|")}
    assert not loaded & HEAVY
    for command in COMMANDS:
        assert command in done.stdout


def test_a_misspelt_command_offers_the_nearest(bench):
    done = bench("reslts")
    assert done.returncode == 2
    assert "Did you mean 'results'?" in done.stderr


def test_a_missing_package_names_the_extra_that_has_it(bench, tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    done = bench("models", "check", "b0-seg", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "this needs torch, which is not installed. To install what is missing: " in done.stderr
    assert "[export]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_ships_here_is_shown_without_torch(bench, tmp_path):
    """Its counts are kept; nothing has to be built for them."""
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    done = bench("models", "show", "b1-seg", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "MACs" in done.stdout


def test_a_wrong_family_file_is_named_with_line_and_field(bench, tmp_path):
    package = tmp_path / "their_models"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "toys.yaml").write_text(
        "family: toys\ntask: segmentation\nprovenance: {paper: a, code: own, license: MIT}\n"
        "models:\n  - id: toy\n    titel: Toy\n"
    )
    metadata = tmp_path / "their_models-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[bench.families]\ntoys = their_models\n")
    done = bench("models", "show", "toy", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "toys.yaml:6: unknown field 'titel'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_ours_is_a_line_and_a_file_with_its_traceback(bench, tmp_path):
    """Here what a package raises that is not what it says it is."""
    (tmp_path / "torch.py").write_text("raise KeyError('s3://key:secret@bucket/x')\n")
    broken = {"PYTHONPATH": str(tmp_path), "BENCH_CACHE": str(tmp_path / "cache")}
    done = bench("models", "check", "b0-cls-r224", env=broken)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("bench: a fault of bench itself")
    (kept,) = (tmp_path / "cache" / "faults").iterdir()
    assert line.endswith(str(kept))
    report = kept.read_text()
    assert "Traceback (most recent call last)" in report
    assert "bench models check b0-cls-r224" in report
    assert "secret" not in report


def test_only_so_many_tracebacks_are_kept(monkeypatch, tmp_path):
    from latency_bench.harness.cli import own_fault

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    for number in range(own_fault.MOST_KEPT + 5):
        monkeypatch.setattr(own_fault.os, "getpid", lambda number=number: 1000 + number)
        assert own_fault.words_of_fault(KeyError(0)) is not None
    assert len(list((tmp_path / own_fault.FOLDER).iterdir())) == own_fault.MOST_KEPT


def test_a_traceback_that_cannot_be_kept_is_shown(monkeypatch, tmp_path):
    from latency_bench.harness.cli import own_fault

    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(own_fault.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    assert own_fault.words_of_fault(KeyError(0)) is None
