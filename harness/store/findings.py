"""What is found wrong in a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHANGED = "Restore it from a copy, or move the run out of the store: its numbers cannot be vouched for."


@dataclass(frozen=True)
class Finding:
    """Something wrong in a store."""

    path: Path
    problem: str
    remedy: str
    folder: Path | None = None
    """What to take out of the store because of it; None where what is stored can still be used."""
    is_damage: bool = True
    """Of something that was stored. What a killed writer left behind is none: it was never stored."""
