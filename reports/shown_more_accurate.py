"""Which of two runs is shown to be more accurate: by the difference on the same images, drawn alike for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from latency_bench.harness.statistics.image_bootstrap import drawn_metrics, interval_of
from latency_bench.harness.statistics.image_metrics import metrics_of
from latency_bench.harness.store.errors import StoreError
from latency_bench.reports.evidence import Run
from latency_bench.reports.measured_accuracies import MeasuredAccuracies, Scored

if TYPE_CHECKING:
    from latency_bench.harness.statistics.image_metrics import Counts
    from latency_bench.harness.store.reader import StoredAccuracy


@dataclass
class ShownMoreAccurate:
    """Images are read where the first comparison needs them, and drawn once for all artifacts that were scored on
    them."""

    accuracies: MeasuredAccuracies
    _draws: dict[str, dict[str, Counts]] = field(default_factory=dict)
    """By run id of an accuracy and by metric."""
    _read: set[str] = field(default_factory=set)
    """Digests of the images that were drawn."""

    def __call__(self, run: Run, other: Run, scored: Scored) -> bool:
        """Whether `run` is shown to be more accurate: the whole 95 % interval of the difference is above 0."""
        drawn = self._difference(run, other, scored)
        return drawn is not None and interval_of(drawn)[0] > 0

    def at_least(self, run: Run, other: Run, scored: Scored) -> bool:
        """Whether `run` is shown to be at least as accurate: more accurate, or alike in every draw of images."""
        drawn = self._difference(run, other, scored)
        return drawn is not None and (interval_of(drawn)[0] > 0 or not drawn.any())

    def _difference(self, run: Run, other: Run, scored: Scored) -> Counts | None:
        """Of every draw; None where the two were not scored on the same images, or images cannot be read."""
        known = [self.accuracies.of_run(one).get(scored) for one in (run, other)]
        if scored.digest not in self._read:
            self._draw(scored.digest)
        draws = [self._draws.get(one[1].record.run_id, {}).get(scored.metric) for one in known if one is not None]
        mine, theirs = draws if len(draws) == 2 else (None, None)
        return None if mine is None or theirs is None or mine.shape != theirs.shape else mine - theirs

    def _draw(self, digest: str) -> None:
        self._read.add(digest)
        members = [one for of_file in self.accuracies.found.values() for key, one in of_file.items() if key == digest]
        alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[StoredAccuracy, Counts]]] = {}
        for one in members:
            try:
                names, columns, counts = one.images()
            except StoreError:
                continue
            alike.setdefault((tuple(names), columns), []).append((one, counts))
        if not alike:
            return
        # Only what was scored on the very same images has draws in common: the largest such group.
        (_, columns), group = max(alike.items(), key=lambda item: len(item[1]))
        drawn = drawn_metrics([counts for _, counts in group], metrics_of(columns))
        for (one, _), metrics in zip(group, drawn, strict=True):
            self._draws[one.record.run_id] = {name: np.asarray(values) for name, values in metrics.items()}
