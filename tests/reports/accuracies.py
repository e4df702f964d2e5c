"""Accuracies of made-up artifacts over images whose outcome is known, stored as `bench accuracy` stores them."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from latency_bench.harness.statistics.image_bootstrap import bootstrap
from latency_bench.harness.statistics.image_metrics import OF_CLASSIFIERS, metrics_of
from latency_bench.harness.store.accuracy_record import AccuracyRecord
from latency_bench.harness.store.layout import ACCURACY_FOLDER, new_run_id
from latency_bench.harness.store.reader import open_run
from latency_bench.harness.store.writer import RunWriter


def outcomes(share: float, images: int = 400) -> np.ndarray:
    """Of every image whether it is right: the same images first, so that two shares differ by whole images alone."""
    right = np.random.RandomState(7).permutation(images) < share * images
    return np.stack([np.ones(images), right, right], axis=1).astype(float)


def add_accuracy(store: Path, run_id: str, counts: np.ndarray, *, sha256: str | None = None, **data: object) -> str:
    """An accuracy of the file that a stored run timed, or of another one."""
    run = open_run(store, run_id).record
    assert run.runtime is not None
    assert run.artifact is not None
    found = bootstrap(counts, metrics_of(OF_CLASSIFIERS))
    about = {"folder": "val", "layout": "folders", "digest": "cd" * 32, "against_module": False, **data}
    record = AccuracyRecord.model_validate(
        {
            "run_id": new_run_id(),
            "started_at": datetime(2026, 11, 22, tzinfo=timezone.utc),
            "ended_at": datetime(2026, 11, 22, 1, tzinfo=timezone.utc),
            "command": ("bench", "accuracy"),
            "model": run.model,
            "device": run.device,
            "runtime": run.runtime,
            "artifact": run.artifact.model_copy(update={"sha256": sha256 or run.artifact.sha256}),
            "software": run.software,
            "data": about,
            "preparation": {"source": "made up"},
            "metrics": {name: one._asdict() for name, one in found.items()},
            "images": len(counts),
        }
    )
    with RunWriter(store, run.device.name, ACCURACY_FOLDER, record.run_id) as writer:
        writer.write_images([f"{number}.jpg" for number in range(len(counts))], OF_CLASSIFIERS, counts)
        writer.commit(record)
    return record.run_id
