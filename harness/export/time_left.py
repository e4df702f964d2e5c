"""How long an export will still take: about as long as earlier ones took on this computer.

Each entry of the cache says in its manifest how many seconds after its beginning each stage began, and when it was
complete. Those of the same model at the same size count, else those of the model, else all of the same format; where
the cache has none of these, nobody can tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

COMPLETE = "complete"
"""The key of the whole time among the stages."""
Stages = Mapping[str, float]
"""Seconds from the beginning of an export to that of each stage."""


class ExportClock:
    """Of one export that is under way; started when it is made."""

    def __init__(self, earlier: Sequence[Stages], now_s: Callable[[], float] = time.monotonic) -> None:
        self._earlier, self._now_s = earlier, now_s
        self._began_s = now_s()
        self._stages: dict[str, float] = {}

    def begin(self, stage: str) -> float | None:
        """Seconds that are left as this stage begins; None where nobody can tell."""
        elapsed_s = self._now_s() - self._began_s
        self._stages.setdefault(stage, elapsed_s)
        left_s = [one[COMPLETE] - one.get(stage, elapsed_s) for one in self._earlier]
        return max(0.0, median(left_s)) if left_s else None

    def complete(self) -> Stages:
        """When each stage began, and now."""
        return {**self._stages, COMPLETE: self._now_s() - self._began_s}


def earlier_exports(manifests: Iterable[Mapping[str, Any]], spec: ModelSpec, format: str) -> list[Stages]:
    """The stages of those exports that this one is most like."""
    of_format: list[tuple[str, Any, Stages]] = []
    for manifest in manifests:
        made_from, stages = manifest.get("made_from"), _stages(manifest.get("stages_s"))
        if isinstance(made_from, dict) and made_from.get("format") == format and stages is not None:
            made_of = made_from.get("spec")
            if isinstance(made_of, dict):
                of_format.append((str(made_of.get("id")), made_of.get("inputs"), stages))
    inputs = spec.model_dump(mode="json")["inputs"]
    of_model = [(of_inputs, stages) for model, of_inputs, stages in of_format if model == spec.id]
    at_size = [stages for of_inputs, stages in of_model if of_inputs == inputs]
    return at_size or [stages for _, stages in of_model] or [stages for _, _, stages in of_format]


def _stages(found: Any) -> Stages | None:
    """None where an entry does not tell, or was made before entries told."""
    if not isinstance(found, dict) or COMPLETE not in found:
        return None
    return found if all(isinstance(value, (int, float)) for value in found.values()) else None
