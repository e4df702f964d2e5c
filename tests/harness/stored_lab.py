"""A store that a test fills with runs whose latencies are known by construction."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from latency_bench.harness.comparing import compare_sets
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.run_selection import select
from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.writer import RunWriter

ROUNDS = 9


def _blocks(scale: float, seed: int, rounds: int = ROUNDS, spread: float = 0.005) -> list[StageSamples]:
    """Latencies of about 100 ms times `scale`, rounds that differ by `spread`."""
    random = np.random.default_rng(seed)
    blocks = []
    for index in range(rounds):
        level = 1e8 * scale * np.exp(random.normal(0, spread))
        latency = (level * np.exp(random.normal(0, 0.003, 40))).astype(np.int64)
        h2d = np.full_like(latency, 1_000_000)
        columns = {"start_ns": np.cumsum(latency) - latency, "latency_ns": latency}
        blocks.append(StageSamples.of(index, False, {**columns, "h2d_ns": h2d, "compute_ns": latency - h2d}))
    return blocks


class Lab:
    """A store that a test fills with runs."""

    def __init__(self, store: Path, make_record) -> None:
        self.store = store
        self._make_record = make_record
        self._count = 0

    def add(
        self,
        scale: float = 1.0,
        model: str = "b1-seg",
        device: str = "local",
        rounds: int = ROUNDS,
        spread: float = 0.005,
        hours: float = 0.0,
        **changes,
    ) -> str:
        """A run whose rounds begin so many hours after those of the others; `changes`: fields of its record."""
        self._count += 1
        run_id = f"20261122T1015{self._count:02d}Z-{self._count:06x}"
        blocks = _blocks(scale, self._count, rounds, spread)
        content = self._make_record(blocks).model_dump()
        later = timedelta(hours=hours)
        content["rounds"] = [
            {**one, "warmup_count": 0, "started_at": one["started_at"] + later} for one in content["rounds"]
        ]
        self._write(content, run_id, model, device, changes, blocks)
        return run_id

    def add_failed(self, model: str = "b1-seg") -> None:
        self._count += 1
        run_id = f"20261122T1015{self._count:02d}Z-{self._count:06x}"
        self._write(self._make_record(failed=True).model_dump(), run_id, model, "local", {}, None)

    def _write(self, content, run_id, model, device, changes, blocks) -> None:
        content["run_id"] = run_id
        content["model"]["id"], content["device"]["name"] = model, device
        for path, value in changes.items():
            *parents, last = path.split("__")
            part = content
            for parent in parents:
                part = part[parent]
            part[last] = value
        with RunWriter(self.store, device, model, run_id) as writer:
            if blocks is not None:
                writer.write_samples(blocks)
            writer.commit(RunRecord(**content))

    def compare(self, a: str, b: str, across=()):
        return compare_sets(select(self.store, a), select(self.store, b), 0.03, across)
