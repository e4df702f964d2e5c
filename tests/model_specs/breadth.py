"""Which of many models the ordinary suite looks at."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest

from latency_bench.model_specs import ModelSpec


def one_of_each_kind(specs: Iterable[ModelSpec], kind: Callable[[ModelSpec], Hashable]) -> list[Any]:
    """Parameters of a test: the first of each kind, which is the smallest in our lists; the others are slow."""
    known: set[Hashable] = set()
    chosen = []
    for spec in specs:
        chosen.append(pytest.param(spec, marks=[pytest.mark.slow] if kind(spec) in known else [], id=spec.id))
        known.add(kind(spec))
    return chosen
