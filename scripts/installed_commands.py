"""What is tried where bench was installed: a command of every group, and a run on each runtime that an extra brings.

Each list is run in order, in one folder, as a user types it. The small protocol is the file `fast.yaml` there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

PROTOCOL = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 20, min_s: 0.05, max_s: 1, window: 5}
sampling: {min_count: 20, max_count: 30, min_s: 0.1, max_s: 2, relative_interval: 0.2, confidence: 0.95}
"""
MODEL = "--model b0-cls-r224 --resolution 64"
RUN = "run --protocol fast.yaml --threads 1 --quiet"

STORED = Path(__file__).resolve().parents[1] / "results"
"""Runs for the commands that read a store, where nothing can be measured."""
IMPORT = f"results import {STORED}"

CORE = (
    "--version",
    IMPORT,
    "models ls",
    "devices ls",
    "devices probe local",
    "sweep --table 3 --dry-run",
    "attention --help",
    "profile --help",
    "export --help",
    "plot --help",
    "pair --help",
    "host --help",
    "watch --help",
    "baseline ls",
    "results ls",
    "results verify",
    "results show latest",
    "compare latest latest",
    "gate results --candidate results",
)
"""Of every group, what needs no extra."""
AFTER_A_RUN = ("results verify", "results show latest", "compare latest latest")

BY_EXTRA: dict[str, tuple[str, ...]] = {
    "export": (
        f"export {MODEL} --format onnx --to model.onnx",
        f"{RUN} {MODEL} --runtime torch",
        f"profile {MODEL} --runtime torch",
        *AFTER_A_RUN,
    ),
    "litert": (f"export {MODEL} --format tflite --to model.tflite", f"{RUN} {MODEL} --runtime litert", *AFTER_A_RUN),
    "onnxruntime": (f"{RUN} {MODEL} --runtime onnxruntime", *AFTER_A_RUN),
    "openvino": (
        f"{RUN} {MODEL} --runtime openvino",
        f"{RUN} {MODEL} --runtime openvino --precision int8",
        f"{RUN} {MODEL} --runtime all",
        *AFTER_A_RUN,
    ),
    "ncnn": (f"{RUN} {MODEL} --runtime ncnn", *AFTER_A_RUN),
    "mnn": (f"{RUN} {MODEL} --runtime mnn", *AFTER_A_RUN),
    "executorch": (
        f"{RUN} {MODEL} --runtime executorch",
        f"{RUN} {MODEL} --runtime executorch --precision int8",
        *AFTER_A_RUN,
    ),
    "tensorrt": (f"export {MODEL} --format onnx --to model.onnx",),
    "jetson": (f"export {MODEL} --format onnx --to model.onnx",),
    "android": (f"export {MODEL} --format tflite --to model.tflite", f"{RUN} {MODEL} --runtime litert"),
    "zoo": (
        "models check segformer-b1",
        f"{RUN} --model timm:resnet10t --resolution 64 --runtime torch",
        f"{RUN} --model segformer-b1 --resolution 64 --runtime torch",
    ),
    "campaign": ("host certificates desk",),
    "reports": (
        IMPORT,
        "report --table 3",
        "report --html --to report",
        "plot latency --published --to figure.pdf",
    ),
    "remote": ("results ls --store memory://runs",),
}
"""What an extra adds. On a GPU, a Jetson or a phone nothing can be tried here: their extras export."""

IMPORTS: dict[str, tuple[str, ...]] = {
    "tensorrt": ("tensorrt", "cuda.bindings.runtime", "pynvml"),
    "pycuda": ("pycuda",),
    "android": ("adb_shell.adb_device", "adbutils", "usb1"),
    "campaign": ("distributed",),
}
"""Modules of an extra that no command above imports."""


class CommandFailedError(Exception):
    """A command ended with another code than 0; the message has it and what it printed last."""


def run_all(bench: Path, commands: Iterable[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Raises CommandFailedError at the first that fails."""
    (folder / "fast.yaml").write_text(PROTOCOL, encoding="utf-8")
    for words in commands:
        run([str(bench), *words.split()], f"bench {words}", folder, environment)


def run(command: list[str], called: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Raises CommandFailedError."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env=dict(environment),
    )
    if done.returncode:
        raise CommandFailedError(f"{called} ended with code {done.returncode}:\n{done.stdout}{done.stderr}")
