"""Lines of tegrastats of every kind of Jetson: the power of the module, the GPU's clock, and what is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from latency_bench.devices.probes.jetson_boards import BOARDS, board_of, summed_rails
from latency_bench.devices.probes.jetson_rails import with_total
from latency_bench.devices.probes.jetson_tegrastats import parse_tegrastats

TEXTS = Path(__file__).parents[1] / "nvidia_texts"
LINES = [
    tuple(line.split("|", 2))
    for line in (TEXTS / "tegrastats.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
GPU = {
    "TX2 (JP4.2)": (0, 114),
    "AGX Xavier (JP4.3)": (0, None),
    "AGX Orin (JP5.1, R35)": (0, 114),
    "AGX Orin (JP6, R36)": (0, None),
    "Thor (JP7.0, R38)": (None, 314),
    "Thor (JP7.2, R39, loaded)": (87, 1574),
    "Nano (JP4.6)": (0, 76),
}
"""Load in per cent and clock in MHz, as far as the line tells them."""


def values(line: str) -> dict[tuple[str, str], float]:
    return {(one.source, one.quantity): one.value for one in parse_tegrastats(line)}


def total(line: str) -> dict[str, float]:
    return {source: value for (source, quantity), value in values(line).items() if quantity == "power_total"}


@pytest.mark.parametrize(("board", "truth", "line"), LINES, ids=[one[0] for one in LINES])
def test_the_power_of_the_module_and_the_gpu(board: str, truth: str, line: str) -> None:
    (found,) = total(line).items()
    assert found[1] == pytest.approx(float(truth.split()[0]), abs=1e-9)
    read = values(line)
    known = board_of(source for source, quantity in read if quantity == "power")
    assert known is not None
    assert (read.get(("gpu0", "load")), read.get(("gpu0", "frequency"))) == GPU[board]
    assert known.module in board
    rails = {source for source, quantity in read if quantity == "power"}
    assert rails == set(re.findall(r"([A-Z][A-Z0-9_]+) -?\d+(?:mW)?/-?\d+(?:mW)?(?:/\d+mW)?(?= |$)", line)) - {"NC"}


@pytest.mark.parametrize(
    ("rails", "watts"),
    [
        ({"VDD_IN": 4.0, "VDD_GPU": 1.0, "VDD_CPU": 0.5}, 4.0),
        ({"VDD_IN": 5.1, "VDD_CPU_GPU_CV": 1.2, "VDD_SOC": 1.0}, 5.1),
        ({"VDD_IN": 5.1, "VDD_NEW_PART": 1.2}, 5.1),
    ],
)
def test_the_input_of_a_module_is_the_whole_whatever_hangs_on_it(rails: dict[str, float], watts: float) -> None:
    assert [one.value for one in with_total(rails) if one.quantity == "power_total"] == [watts]


@pytest.mark.parametrize(
    "rails",
    [
        {"VDD_GPU_SOC": 1.6, "VDD_CPU_CV": 0.4, "VIN_SYS_5V0": 2.6, "VDD_SOMETHING": 1.0},
        {"VDD_GPU_SOC": 1.6, "VDD_CPU_CV": 0.4},
        {"GPU": 1.0, "CPU": 1.0, "SOC": 1.0, "CV": 0.0},
        {"VDD_GPU": 1.6, "VDD_CPU_SOC_MSS": 2.0, "VIN_SYS_5V0": 3.0},
    ],
)
def test_rails_of_a_board_that_is_not_known_are_listed_and_not_added_up(rails: dict[str, float]) -> None:
    readings = with_total(rails)
    assert {one.source: one.value for one in readings} == rails
    assert {one.quantity for one in readings} == {"power"}


def test_every_board_is_known_by_its_own_rails_and_says_where_that_is_written() -> None:
    for board in BOARDS:
        rails = (*board.whole, *board.inside)
        assert board_of(rails) is board
        assert summed_rails(rails) == list(board.whole)
        assert not set(board.whole) & set(board.inside)
        assert len(board.source) > 20
        assert board.jetpack


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("VIN 5000mW/4000mW/9000mW", {"VIN": 5.0}),
        ("VDD_IN -12mW/40mW", {"VDD_IN": -0.012}),
        ("CPU [off,off,3%@729] VDD_IN 7/7", {"VDD_IN": 0.007}),
        ("RAM 1/2MB SWAP 0/0MB IRAM 0/252kB(lfb 252kB) APE 25", {}),
        ("VDD_IN 1/x VDD_IN", {}),
        ("VDD_IN 99999999999999999999mW/1mW", {"VDD_IN": None}),
    ],
)
def test_what_counts_as_a_rail(line: str, expected: dict[str, float | None]) -> None:
    found = {source: value for (source, quantity), value in values(line).items() if quantity == "power"}
    assert set(found) <= set(expected)
    for name, watts in expected.items():
        if watts is not None:
            assert found[name] == pytest.approx(watts)
