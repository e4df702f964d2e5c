"""A newcomer's UNet in one file: a number, a row of a table, and a point in a figure, by the commands of the page."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import pytest

pytest.importorskip("torch")

DOCS = Path(__file__).parents[3] / "docs" / "adding-a-model.md"
UNET = """
import torch
from torch import nn


def block(width_in, width):
    return nn.Sequential(nn.Conv2d(width_in, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())


class UNet(nn.Module):
    def __init__(self, width=8, classes=2):
        super().__init__()
        self.down = nn.ModuleList([block(3, width), block(width, 2 * width)])
        self.bottom = block(2 * width, 4 * width)
        self.up = nn.ModuleList([block(6 * width, 2 * width), block(3 * width, width)])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image):
        skips, x = [], image
        for part in self.down:
            x = part(x)
            skips.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.bottom(x)
        for part, skip in zip(self.up, reversed(skips)):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = part(torch.cat([x, skip], dim=1))
        return self.head(x)
"""


def commands() -> list[list[str]]:
    """Those of the page, without `bench`."""
    text = DOCS.read_text(encoding="utf-8").partition("a point in a figure:")[2].partition("The same network")[0]
    return [shlex.split(line)[1:] for line in text.splitlines() if line.strip()]


def test_three_commands_from_a_file_to_a_figure(bench, brief, tmp_path):
    (tmp_path / "unet.py").write_text(UNET)
    run, listed, plot = commands()
    measured = bench(*run, *brief, "--json")
    assert measured.returncode == 0, measured.stderr
    result = measured.json()
    assert (result["model"], result["resolution"], result["fidelity"]["passed"]) == ("my-unet", [64, 64], True)
    assert result["latency_ms"]["median"] > 0
    row = bench(*listed)
    assert row.returncode == 0, row.stderr
    assert "my-unet" in row.stdout
    drawn = bench(*plot)
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "my-unet.svg").stat().st_size > 1000
    (point,) = csv.DictReader((tmp_path / "my-unet.csv").open(encoding="utf-8"))
    assert point["case"] == "my-unet 64x64"
