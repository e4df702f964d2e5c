"""What the tests of `bench run` on a phone share: a small model and protocol, and what a run has left."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

TFLITE = Path(__file__).parents[1] / "runners" / "data" / "tiny_f32.tflite"
PROTOCOL = """\
name: short
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 10, min_s: 0.0, max_s: 5, window: 0}
sampling: {min_count: 6, max_count: 8, min_s: 0.0, max_s: 20, relative_interval: 0.5}
"""


def records(tmp_path: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((tmp_path / "store").rglob("record.json"))]


def leftovers(tmp_path: Path) -> list[str]:
    """What a run must not leave behind: sessions on the device, half-written runs, processes of the tool."""
    left = [str(path) for path in (tmp_path / "device").glob("session-*")]
    left += [
        str(path)
        for path in (tmp_path / "store").rglob("*")
        if path.is_dir() and path.name.startswith(".") and any(path.iterdir())
    ]
    found = subprocess.run(
        ["pgrep", "-fa", f"{tmp_path}/device/files.*--num_runs"], capture_output=True, text=True, check=False
    )
    return left + found.stdout.splitlines()
