"""Are a pair's samples those that its record is of?"""

from __future__ import annotations

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
    for number, side in enumerate(record.sides):
        for one in side.rounds:
            mine = [part for part in parts if (part.side, part.process) == (number, one.index)]
            warm = sum(len(part) for part in mine if part.warmup)
            counted = sum(int(part.kept.sum()) for part in mine)
            if (warm, counted) != (one.warmup_count, one.sample_count):
                yield Finding(
                    path,
                    f"side {number}, process {one.index}: {counted} samples that count after {warm} of the warm-up, "
                    f"the record says {one.sample_count} after {one.warmup_count}.",
                    CHANGED,
                    stored.path,
                )
