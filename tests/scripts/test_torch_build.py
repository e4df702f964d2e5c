"""Which build of torch set_up.sh asks for: an index that answers is used at once, one that does not is not waited for,
and a build with CUDA is told with its size."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "torch_build.py"
PAGE = b'<a href="/whl/cpu/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl">torch-2.13.0+cpu</a>'


class _Index(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        there = self.path == "/whl/cpu/torch/"
        self.send_response(200 if there else 404)
        self.end_headers()
        self.wfile.write(PAGE if there else b"")

    def do_HEAD(self) -> None:
        self.send_response(200)
        if self.path != "/unknown.whl":
            self.send_header("Content-Length", "1500000000")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Index) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """On Linux, without a GPU, and without an index of the user's."""
    spec = importlib.util.spec_from_file_location("torch_build", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(module, "GPU_FILES", ())
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return module


def test_an_index_that_answers_is_used(
    script: ModuleType, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "CPU_INDEX", f"{server}/whl/cpu")
    script.main()
    assert capsys.readouterr().out == f"--extra-index-url {server}/whl/cpu\n"


@pytest.mark.parametrize("setting", ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"])
def test_nothing_is_added_to_an_index_of_the_users(
    script: ModuleType,
    server: str,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(script, "CPU_INDEX", f"{server}/whl/cpu")
    monkeypatch.setenv(setting, "1" if setting == "PIP_NO_INDEX" else f"{server}/mirror")
    script.main()
    assert capsys.readouterr().out == ""


def test_nothing_is_asked_where_there_is_a_gpu(
    script: ModuleType, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "CPU_INDEX", f"{server}/whl/cpu")
    monkeypatch.setattr(script, "GPU_FILES", (os.devnull,))
    script.main()
    assert capsys.readouterr().out == ""


def test_an_index_without_torch_and_one_that_is_not_there(script: ModuleType, server: str) -> None:
    assert script.answers(f"{server}/whl/cpu") is True
    assert script.answers(f"{server}/whl/other") is False
    assert script.answers("http://127.0.0.1:9") is False


def test_a_plan_that_takes_too_long_is_none(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setattr(script, "PLAN_PATIENCE_S", 0.5)
        assert script._planned() == []


def test_what_comes_is_told_with_its_size(script: ModuleType, server: str) -> None:
    def planned(*names: str, file: str = "a.whl") -> list[dict[str, object]]:
        return [{"metadata": {"name": name}, "download_info": {"url": f"{server}/{file}"}} for name in names]

    assert script.what_comes(planned("torch", "sympy")) is None
    assert "3 packages of 4.5 GB" in script.what_comes(planned("torch", "triton", "nvidia-cublas-cu13"))
    told = script.what_comes([*planned("torch"), *planned("nvidia-cublas-cu13", file="unknown.whl")])
    assert "at least 1.5 GB" in told


def wheel(folder: Path, name: str, needs: str = "") -> None:
    """An empty package, as pip takes it."""
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n{f'Requires-Dist: {needs}' if needs else ''}\n"
    with zipfile.ZipFile(folder / f"{name}-9.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}-9.0.dist-info/METADATA", about)
        file.writestr(f"{name}-9.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{name}-9.0.dist-info/RECORD", "")


def test_the_plan_is_pips_own(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of wheels stands for an index: torch, and what it brings of CUDA."""
    wheel(tmp_path, "torch", needs="nvidia-cublas-cu13")
    wheel(tmp_path, "nvidia_cublas_cu13")
    monkeypatch.setattr(script, "answers", lambda index: False)
    monkeypatch.setattr(script, "_pip_has_its_own_index", lambda: False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_IGNORE_INSTALLED", "1")
    script.main()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("==> torch comes with CUDA, 2 packages of 0.0 GB")
