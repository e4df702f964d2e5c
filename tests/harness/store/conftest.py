"""Every test of the store has a cache folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _caches_apart(own_cache: Path) -> None:
    """Indexes and mirrors of this test's stores lie in `own_cache`."""
