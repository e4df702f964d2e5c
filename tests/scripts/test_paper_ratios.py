"""The commands of scripts/paper_ratios.py are ones that the program takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import paper_ratios

from latency_bench.harness.cli.attention import attention
from latency_bench.harness.cli.sweep import sweep


@pytest.mark.parametrize("words", paper_ratios.commands("desk", "desk-2.14", "store"), ids=" ".join)
def test_every_command_parses(words):
    command = {"attention": attention, "sweep": sweep}[words[0]]
    with command.make_context(words[0], list(words[1:])) as context:
        assert context.params["within"] <= 0.1
        assert context.params["no_pairs"] is False
