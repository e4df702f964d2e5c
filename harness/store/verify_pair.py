"""Are a pair's samples those that its record is of?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.findings import CHANGED, Finding
from latency_bench.harness.store.layout import SAMPLES_FILE
from latency_bench.harness.store.reader import StoredPair


def verify_pair_samples(stored: StoredPair) -> Iterator[Finding]:
    """Every side has as many samples that count, process by process, as its record says."""
    path, record = stored.path / SAMPLES_FILE, stored.record
    try:
        parts = stored.samples()
    except BrokenRunError as error:
        yield Finding(path, str(error), CHANGED, stored.path)
        return
    if record.status == "failed":
        return
    warm_by_process: Counter[tuple[int, int]] = Counter()
    counted_by_process: Counter[tuple[int, int]] = Counter()
    for part in parts:
        warm_by_process[part.side, part.process] += len(part) if part.warmup else 0
        counted_by_process[part.side, part.process] += int(part.kept.sum())
    for number, side in enumerate(record.sides):
        for one in side.rounds:
            warm, counted = warm_by_process[number, one.index], counted_by_process[number, one.index]
            if (warm, counted) != (one.warmup_count, one.sample_count):
                yield Finding(
                    path,
                    f"side {number}, process {one.index}: {counted} samples that count after {warm} of the warm-up, "
                    f"the record says {one.sample_count} after {one.warmup_count}.",
                    CHANGED,
                    stored.path,
                )
