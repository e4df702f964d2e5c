"""Without an extra, a command says at once all that it lacks, and what to type in this very installation."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from uv import find_uv_bin

TORCH = "torch, litert_torch, ai_edge_litert and ai_edge_quantizer"


@pytest.fixture(scope="module")
def core(shared_folder: Path, wheel: Path, release: Any) -> Path:
    """An environment of the wheel without any extra."""
    folder = shared_folder / "core"
    with FileLock(shared_folder / "core.lock"):
        if not (folder / "bin/bench").exists():
            release.uv("venv", "--quiet", "--clear", str(folder))
            release.uv("pip", "install", "--quiet", "--python", str(folder / "bin/python"), str(wheel))
    return folder


@pytest.mark.parametrize(
    ("words", "modules", "extras"),
    [
        ("run --model b1-seg", TORCH, "litert"),
        ("run --model swin-b-r224", "torch, litert_torch, ai_edge_litert, ai_edge_quantizer and timm", "litert,zoo"),
        (
            "run --model b1-seg --model segformer-b1 --runtime onnxruntime",
            "torch, onnx, onnxslim, onnxscript, onnxruntime, transformers and torchvision",
            "onnxruntime,zoo",
        ),
        ("run --onnx model.onnx", "onnx and onnxruntime", "onnxruntime"),
        ("run --tflite model.tflite", "ai_edge_litert", "litert"),
        ("profile --model b1-seg --runtime torch", "torch", "export"),
        ("export --model b1-seg --format onnx", "torch, onnx, onnxslim and onnxscript", "export"),
        ("models check swin-b-r224", "torch and timm", "zoo"),
        ("devices calibrate local", TORCH, "litert"),
        ("attention", f"{TORCH.replace(' and', ',')}, pandas and matplotlib", "litert,reports"),
        ("sweep --table 3 --device local", "TABLE", "litert,zoo"),
        ("report --table 3", "pandas", "reports"),
        ("report --html", "pandas, jinja2, markupsafe and matplotlib", "reports"),
        ("plot latency --to figure.pdf", "pandas and matplotlib", "reports"),
        ("compare a b --plot a.pdf", "pandas and matplotlib", "reports"),
        ("results ls --store s3://bucket/runs", "fsspec", "remote"),
        ("host --scheduler tcp://127.0.0.1:1 --devices local --insecure", "dask", "campaign"),
    ],
)
def test_a_command_names_all_that_it_lacks_and_stores_nothing(
    core: Path, wheel: Path, tmp_path: Path, words: str, modules: str, extras: str
) -> None:
    for file in ("model.onnx", "model.tflite"):
        (tmp_path / file).write_bytes(b"a model")
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [core / "bin/bench", *words.split()], check=False, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 2, done.stderr
    if modules != "TABLE":
        assert f"bench: this needs {modules}, which" in done.stderr
    command = f"uv pip install --python {core}/bin/python {shlex.quote(f'{wheel}[{extras}]')}"
    assert done.stderr.rstrip().endswith(command)
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "results").exists()


SAY = (
    "import sys; from latency_bench.harness.installation.origin import install_command; "
    "print(install_command(sys.argv[1:]))"
)


def test_what_is_said_works_where_uv_installed_it(
    make_environment: Callable[[], Any], wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_environment()
    made.install(str(wheel))
    said = subprocess.check_output([made.python, "-c", SAY, "campaign"], text=True)
    monkeypatch.setenv("PATH", f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}")
    subprocess.run(shlex.split(said), check=True, capture_output=True)
    subprocess.run([made.python, "-c", "import dask, distributed"], check=True)


def test_what_is_said_works_where_uv_installed_it_as_a_tool_and_keeps_what_is_there(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_TOOL_DIR", str(tmp_path / "tools"))
    monkeypatch.setenv("UV_TOOL_BIN_DIR", str(tmp_path / "bin"))
    monkeypatch.setenv("PATH", f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}")
    subprocess.run(["uv", "tool", "install", "--quiet", f"{wheel}[remote]"], check=True)
    python = tmp_path / "tools/latency-bench/bin/python"
    said = subprocess.check_output([python, "-c", SAY, "campaign"], text=True)
    assert shlex.split(said) == ["uv", "tool", "install", "--force", f"{wheel}[campaign,remote]"]
    subprocess.run(shlex.split(said), check=True, capture_output=True)
    subprocess.run([python, "-c", "import dask, fsspec"], check=True)


@pytest.mark.parametrize("editable", [True, False])
def test_a_checkout_names_its_folder_and_its_pinned_versions(
    make_environment: Callable[[], Any], tree: Path, editable: bool
) -> None:
    made = make_environment()
    made.install("--no-deps", *(["--editable"] if editable else []), str(tree))
    made.install("packaging")
    (made.folder.parent / "pip").write_text("")
    said = subprocess.check_output([made.python, "-c", SAY, "zoo", "reports"], text=True)
    flag = "-e " if editable else ""
    assert said.strip() == (
        f"uv pip install --python {made.python} -c {tree}/constraints.txt {flag}{shlex.quote(f'{tree}[zoo,reports]')}"
    )


@pytest.mark.slow
def test_what_is_said_where_pip_and_pipx_installed_it(
    make_environment: Callable[[], Any], wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_environment()
    made.install("pip", "packaging")
    subprocess.run([made.python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    said = subprocess.check_output([made.python, "-c", SAY, "zoo"], text=True)
    assert said.strip() == f"{made.python} -m pip install {shlex.quote(f'{wheel}[zoo]')}"
    monkeypatch.setenv("PIPX_HOME", str(tmp_path / "pipx"))
    monkeypatch.setenv("PIPX_BIN_DIR", str(tmp_path / "pipx-bin"))
    pipx = [find_uv_bin(), "tool", "run", "--quiet", "pipx"]
    subprocess.run([*pipx, "install", str(wheel)], check=True, capture_output=True)
    python = tmp_path / "pipx/venvs/latency-bench/bin/python"
    said = subprocess.check_output([python, "-c", SAY, "remote"], text=True)
    assert shlex.split(said) == ["pipx", "install", "--force", f"{wheel}[remote]"]
    subprocess.run([*pipx, *shlex.split(said)[1:]], check=True, capture_output=True)
    subprocess.run([python, "-c", "import fsspec"], check=True)
