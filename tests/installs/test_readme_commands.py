"""The README's commands, as a user runs them after installing the wheel: in an empty folder, without a device."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

TINY = ("--model", "b0-cls-r224", "--resolution", "64")
FAST = (*TINY, "--protocol", "fast.yaml", "--threads", "1", "--quiet")

COMMANDS: dict[str, list[tuple[str, ...]]] = {
    "run --device local --model b1-seg": [("run", "--device", "local", *FAST)],
    "run --model b1-cls-r224 --runtime onnxruntime --threads 2 --protocol quick": [
        ("run", "--runtime", "onnxruntime", *FAST)
    ],
    "run --model b1-seg --resolution 512x1024 --json": [("run", *FAST, "--json")],
    "models ls | show b1-seg | check": [
        ("models", "ls"),
        ("models", "show", "b1-seg"),
        ("models", "check", "b0-cls-r224"),
    ],
    "devices ls | doctor orin | probe local": [("devices", "ls"), ("devices", "probe", "local")],
    "export --model b1-seg --format onnx --to b1.onnx": [("export", *TINY, "--format", "onnx", "--to", "b0.onnx")],
    "results ls | show latest | verify": [("results", "ls"), ("results", "show", "latest"), ("results", "verify")],
    "run --device orin --model b1-seg": [],
    "profile --model b1-seg --runtime torch": [("profile", *TINY, "--runtime", "torch")],
    "compare local/b1-seg local/b2-seg --plot b1-b2.pdf": [
        ("compare", "local", "local", "--across", "runtime", "--plot", "b1-b2.pdf")
    ],
    "gate baseline/ --junit gate.xml": [("gate", "results", "--candidate", "results", "--junit", "gate.xml")],
    "sweep --table 3 --device local --dry-run": [("sweep", "--table", "3", "--device", "local", "--dry-run")],
    "watch": [],
    "pair b1-seg@litert b1-seg@onnxruntime": [],
    "attention": [("attention", "--dry-run")],
    "report --table 3 --claims": [("report", "--table", "3", "--claims")],
    "report --html --to report": [("report", "--html", "--to", "report")],
    "plot latency --to figure.pdf": [("plot", "latency", "--published", "--to", "figure.pdf")],
    "devices calibrate local": [],
}
"""Line of the README -> what stands for it here, with a small model; nothing where it needs a device or hours."""

PROTOCOL = """\
name: fast
rounds: 2
campaign_rounds: 2
warmup: {min_count: 3, max_count: 50, min_s: 0.05, max_s: 1, window: 10}
sampling: {min_count: 30, max_count: 60, min_s: 0.1, max_s: 5, relative_interval: 0.1, confidence: 0.95}
"""


def lines_of(readme: Path) -> list[str]:
    """The `bench` lines of the README, without their comments."""
    lines = re.findall(r"^    bench (.*?)\s*(?:#.*)?$", readme.read_text(encoding="utf-8"), re.M)
    return [line for line in lines if line]


def test_every_command_of_the_readme_is_tried() -> None:
    assert sorted(lines_of(ROOT / "README.md")) == sorted(COMMANDS)


def test_the_readmes_commands_run_in_an_empty_folder(
    wheel_environment: Any, tmp_path: Path, bench_environment: dict[str, str]
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "fast.yaml").write_text(PROTOCOL)
    environment = {name: text for name, text in bench_environment.items() if name not in ("BENCH_STORE", "PYTHONPATH")}
    for line, commands in COMMANDS.items():
        for words in commands:
            done = subprocess.run(
                [wheel_environment.bench, *words],
                check=False,
                capture_output=True,
                text=True,
                cwd=folder,
                env=environment,
            )
            assert done.returncode == 0, f"{line}: bench {' '.join(words)}\n{done.stdout}{done.stderr}"
            assert "Traceback" not in done.stderr, done.stderr
    written = {"b0.onnx", "b1-b2.pdf", "gate.xml", "report", "figure.pdf", "results"}
    assert written <= {path.name for path in folder.iterdir()}
