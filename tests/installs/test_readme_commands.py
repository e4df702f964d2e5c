"""The README's commands, as a user runs them after installing the wheel: in an empty folder, without a device."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]

TINY = ("--model", "b0-cls-r224", "--resolution", "64")
FAST = (*TINY, "--protocol", "fast.yaml", "--threads", "1", "--quiet")

COMMANDS: dict[str, list[tuple[str, ...]]] = {
    "run --device local --model b1-seg": [("run", "--device", "local", *FAST)],
    "run --module mynet.py:Net --arguments width=32,classes=19 --input 3x512x512 --runtime onnxruntime": [
        ("run", "--module", "mynet.py:Net", "--arguments", "width=8,classes=3", "--input", "3x32x32", *FAST[4:]),
        ("run", "--runtime", "onnxruntime", *FAST),
    ],
    "run --onnx model.onnx --json": [
        ("export", *TINY, "--format", "onnx", "--to", "model.onnx"),
        ("run", "--onnx", "model.onnx", *FAST[4:], "--json"),
    ],
    "run --model timm:mobilenetv3_small_100 --threads 2 --protocol quick": [],
    "pair model.onnx timm:mobilenetv3_small_100@onnxruntime": [
        ("pair", "model.onnx", "model.onnx", "--max-minutes", "0.02", "--protocol", "fast.yaml", "--quiet")
    ],
    "profile --onnx model.onnx": [("profile", "--onnx", "model.onnx")],
    "accuracy --model timm:mobilenetv3_small_100 --data photos --limit 500": [
        ("accuracy", *TINY, "--data", "photos", "--limit", "2", "--quiet")
    ],
    "init": [("init",)],
    "run --device phone --model b1-cls-r224": [],
    "baseline keep main model.onnx --to baselines": [("baseline", "keep", "main", "model.onnx", "--to", "baselines")],
    "gate --against main --baselines baselines --candidate model.onnx --junit gate.xml": [
        (
            *("gate", "--against", "main", "--baselines", "baselines", "--candidate", "model.onnx"),
            *("--junit", "gate.xml", "--max-minutes", "0.02", "--protocol", "fast.yaml", "--quiet"),
        )
    ],
    "sweep --model 'b?-seg' --runtime litert --runtime onnxruntime --dry-run": [
        ("sweep", "--model", "b?-seg", "--runtime", "litert", "--runtime", "onnxruntime", "--dry-run")
    ],
    "run --like latest": [
        ("run", "--runtime", "onnxruntime", *FAST),
        ("run", "--like", "latest", "--rounds", "1", "--quiet"),
    ],
    "models ls | show b1-seg | check": [
        ("models", "ls"),
        ("models", "show", "b1-seg"),
        ("models", "check", "b0-cls-r224"),
    ],
    "devices ls | doctor orin | probe local": [("devices", "ls"), ("devices", "probe", "local")],
    "export --model b1-seg --format onnx --to b1.onnx": [("export", *TINY, "--format", "onnx", "--to", "b0.onnx")],
    "results ls | show latest | verify": [("results", "ls"), ("results", "show", "latest"), ("results", "verify")],
    "run --device orin --model b1-seg": [],
    "compare local/b1-seg local/b2-seg --plot b1-b2.pdf": [
        ("compare", "local", "local", "--across", "runtime", "--plot", "b1-b2.pdf")
    ],
    "sweep --table 3 --device local --dry-run": [("sweep", "--table", "3", "--device", "local", "--dry-run")],
    "watch": [],
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


NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3, stride=2)
        self.head = nn.Linear(width, classes)

    def forward(self, image):
        return self.head(self.body(image).relu().mean(dim=(2, 3)))
"""


def lines_of(readme: Path) -> list[str]:
    """The `bench` lines of the README, without their comments."""
    lines = re.findall(r"^    bench (.*?)\s*(?:#.*)?$", readme.read_text(encoding="utf-8"), re.M)
    return [line for line in lines if line]


def test_every_command_of_the_readme_is_tried() -> None:
    assert sorted(lines_of(ROOT / "README.md")) == sorted(COMMANDS)


QUICK = ("init", "devices ls | doctor orin | probe local", "sweep --table 3 --device local --dry-run")
"""Lines of the README that need no torch."""


@pytest.mark.parametrize("lines", [QUICK, pytest.param(tuple(COMMANDS), marks=pytest.mark.slow)], ids=["quick", "all"])
def test_the_readmes_commands_run_in_an_empty_folder(
    wheel_environment: Any, tmp_path: Path, bench_environment: dict[str, str], lines: tuple[str, ...]
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "fast.yaml").write_text(PROTOCOL)
    (folder / "mynet.py").write_text(NET)
    (folder / "photos").mkdir()
    for number in range(3):
        Image.effect_noise((90, 70), 20 + number).convert("RGB").save(folder / "photos" / f"{number}.jpg")
    environment = {name: text for name, text in bench_environment.items() if name not in ("BENCH_STORE", "PYTHONPATH")}
    for line in lines:
        for words in COMMANDS[line]:
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
    written = {"devices.yaml"}
    if lines is not QUICK:
        written |= {"b0.onnx", "b1-b2.pdf", "gate.xml", "report", "figure.pdf", "results", "baselines"}
    assert written <= {path.name for path in folder.iterdir()}
