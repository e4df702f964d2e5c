"""Makes the made-up runs beside these tests importable, and gives a table of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    import pandas as pd


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    from attention_runs import example_runs

    return example_runs()
