"""Parameters and MACs of the models that ship here, counted beforehand: reading them needs no torch and no time.

`scripts/zoo_table.py` writes `families/counts.csv` (counting.py), and tests count again.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from latency_bench.model_specs.counting import Counts

FILE = Path(__file__).parent / "families" / "counts.csv"
COLUMNS = ("id", "params", "macs")


def known_counts(model_id: str) -> Counts | None:
    """What `count` gives for the spec of this id at its own resolution; None for a model of somebody else's."""
    return _read().get(model_id)


def as_csv(counts: Mapping[str, Counts]) -> str:
    """The file's text for these models, in their order."""
    lines = [f"{model_id},{found.params},{found.macs}" for model_id, found in counts.items()]
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


@cache
def _read() -> dict[str, Counts]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return {row["id"]: Counts(params=int(row["params"]), macs=int(row["macs"])) for row in csv.DictReader(file)}
