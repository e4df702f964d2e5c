"""Jetson boards: which of a board's power rails add up to the whole module, and where that is written.

A board is known by the names of its rails: they are the same in `tegrastats` and in sysfs, and a module on somebody's
own carrier keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Board:
    module: str
    jetpack: str
    whole: tuple[str, ...]
    """Rails whose sum is the module's power: its input alone where the board measures it."""
    inside: tuple[str, ...]
    """Rails of which the power flows through one of `whole`: adding them would count it twice."""
    source: str

    def fits(self, rails: frozenset[str]) -> bool:
        """Whether these are its rails. One that it does not have might be a part that is missing in the sum."""
        return rails.issuperset(self.whole) and rails.issubset((*self.whole, *self.inside))


_GUIDE = "Jetson Linux Developer Guide, Platform Power and Performance"
BOARDS = (
    Board("TX1", "3.x-4.6", ("VDD_IN",), ("VDD_GPU", "VDD_CPU"), f"{_GUIDE} (R32), Jetson TX1: VDD_IN"),
    Board(
        "TX2",
        "3.x-4.6",
        ("VDD_IN",),
        ("VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_SYS_CPU", "VDD_SYS_DDR", "VDD_4V0_WIFI"),
        f"{_GUIDE} (R32), Jetson TX2: VDD_IN, the main module power input",
    ),
    Board("TX2 NX", "4.5-4.6", ("VDD_IN",), ("VDD_CPU_GPU", "VDD_SOC"), f"{_GUIDE} (R32), Jetson TX2 NX: VDD_IN"),
    Board(
        "Nano",
        "4.2-4.6",
        ("POM_5V_IN",),
        ("POM_5V_GPU", "POM_5V_CPU"),
        f"{_GUIDE} (R32), Jetson Nano: POM_5V_IN, the total power of the module",
    ),
    Board(
        "AGX Xavier",
        "4.x-5.1",
        ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),
        (),
        "Jetson AGX Xavier Series Product Design Guide (DG-09840-001), Power Monitor: six supplies side by side",
    ),
    Board(
        "Xavier NX, Orin NX or Orin Nano",
        "4.4-6.x",
        ("VDD_IN",),
        ("VDD_CPU_GPU_CV", "VDD_SOC"),
        f"{_GUIDE} (R35, R36): VDD_IN, the total power of the module",
    ),
    Board(
        "AGX Orin",
        "5.x-6.x",
        ("VDD_CPU_CV", "VDD_GPU_SOC", "VIN_SYS_5V0"),
        ("VDDQ_VDD2_1V8AO",),
        f"{_GUIDE} (R36), Jetson AGX Orin: three inputs; the memory's VDDQ_VDD2_1V8AO is made from VIN_SYS_5V0",
    ),
    Board(
        "Thor",
        "7.x",
        ("VIN",),
        ("VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"),
        f"{_GUIDE} (R38), Jetson Thor: VIN, measured by an INA238 of its own; the carrier board counts too",
    ),
)


def board_of(rails: Iterable[str]) -> Board | None:
    """The board with these rails; None for one that is not in the table."""
    names = frozenset(rails)
    return next((board for board in BOARDS if board.fits(names)), None)


def summed_rails(rails: Iterable[str]) -> list[str]:
    """The rails whose sum is the module's power. Empty for a board that is not known: better no sum than a wrong one.

    The input of a module needs no sum, whatever else a board measures behind it.
    """
    names = frozenset(rails)
    if board := board_of(names):
        return list(board.whole)
    inputs = {board.whole[0] for board in BOARDS if len(board.whole) == 1} & names
    return list(inputs) if len(inputs) == 1 else []
