"""The README's lines for a computer without a GPU: each installer takes torch's CPU build, and nothing of CUDA, where
one index has the one and another the other."""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
LINES = [line for line in re.findall(r"^    (.* install .*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
         if CPU_INDEX in line]  # fmt: skip


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def wheel(folder: Path, name: str, version: str, *needs: str, program: str | None = None) -> None:
    """A package in the folder of an index."""
    about = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {one}" for one in needs)]
    about += ["Provides-Extra: litert"] if program else []
    plain = name.replace("-", "_")
    info = f"{plain}-{version}.dist-info"
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place / f"{plain}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{plain}.py", "def main():\n    pass\n")
        file.writestr(f"{info}/METADATA", "\n".join(about) + "\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        if program:
            file.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{program} = {plain}:main\n")
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server with the index `usual`, as PyPI is, and `cpu`, as PyTorch's own is."""
    folder = tmp_path_factory.mktemp("indexes")
    wheel(folder / "usual", "latency-bench", "1.0", "torch; extra == 'litert'", program="bench")
    wheel(folder / "usual", "torch", "9.0", "nvidia-cublas")
    wheel(folder / "usual", "nvidia-cublas", "13.0")
    wheel(folder / "cpu", "torch", "9.0+cpu")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def command_of(line: str, folder: Path) -> list[str]:
    """What the line runs; pipx gives its --pip-args to pip."""
    words = shlex.split(line)
    if words[0] == "uv":
        return [find_uv_bin(), *words[1:]]
    if words[0] == "pipx":
        (given,) = [word for word in words if word.startswith("--pip-args=")]
        words = ["pip", "install", *shlex.split(given.partition("=")[2]), words[-1]]
    return [sys.executable, "-m", *words, "--quiet", "--target", str(folder / "target")]


def test_the_readme_has_a_line_for_each_installer() -> None:
    assert [line.split()[0] for line in LINES] == ["pip", "uv", "pipx"]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split()[0])
def test_nothing_of_cuda_comes_where_the_line_asks_for_the_cpu_build(line: str, indexes: str, tmp_path: Path) -> None:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "UV_", "PYTHON"))}
    settings = {
        "PIP_INDEX_URL": f"{indexes}/usual",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "UV_DEFAULT_INDEX": f"{indexes}/usual",
        "UV_NO_CONFIG": "1",
        "UV_PYTHON": sys.executable,
        **{f"UV_{name}": str(tmp_path / name) for name in ("TOOL_DIR", "TOOL_BIN_DIR", "CACHE_DIR")},
    }
    command = command_of(line.replace(CPU_INDEX, f"{indexes}/cpu"), tmp_path)
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**kept, **settings}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    installed = {path.name for path in tmp_path.rglob("*.dist-info") if "CACHE_DIR" not in path.parts}
    assert {"latency_bench-1.0.dist-info", "torch-9.0+cpu.dist-info"} <= installed
    assert not [name for name in installed if name.startswith("nvidia")]
