"""From an evaluation to the record that is stored of it, and what is stored already of the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from latency_bench.harness.accuracy.coco_evaluation import average_precisions
from latency_bench.harness.accuracy.evaluation import Evaluated
from latency_bench.harness.accuracy.samples import DataSet
from latency_bench.harness.accuracy.scoring import Scorer
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.case import Case
from latency_bench.harness.recording import artifact_record, device_record, model_record, runtime_asked_for
from latency_bench.harness.software import software
from latency_bench.harness.statistics.image_bootstrap import Sureness, bootstrap, bootstrap_difference
from latency_bench.harness.statistics.image_metrics import UNITS, metrics_of
from latency_bench.harness.store.accuracy_record import AccuracyRecord, DataRecord, Metric
from latency_bench.harness.store.layout import ACCURACY_FOLDER, new_run_id
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import StoredAccuracy, read_accuracy
from latency_bench.harness.store.redaction import command_without_secrets
from latency_bench.harness.store.subject import SoftwareRecord
from latency_bench.harness.store.writer import RunWriter


def accuracy_writer(store: Path, device: str) -> RunWriter:
    """For one accuracy: entered before images are scored, so that a store which takes nothing is told then."""
    return RunWriter(store, device, ACCURACY_FOLDER, new_run_id())


def store_accuracy(
    writer: RunWriter,
    case: Case,
    subject: Subject,
    data: DataSet,
    found: Evaluated,
    scorer: Scorer,
    *,
    started_at: datetime,
    command: Sequence[str],
    limit: int | None,
    seed: int,
) -> tuple[AccuracyRecord, Path]:
    """The stored record and its place; `writer` is entered. Raises StoreError."""
    metrics = bootstrap(found.counts, scorer.metrics)
    if found.coco_images:
        if subject.spec.task == "detection":  # it is what papers print, so it comes first
            metrics = average_precisions(found.coco_images, "bbox") | metrics
        else:
            metrics |= average_precisions(found.coco_images, "segm")
    record = AccuracyRecord(
        run_id=writer.run_id,
        started_at=started_at,
        ended_at=datetime.now(timezone.utc),
        command=command_without_secrets(command),
        model=model_record(case, found.artifact),
        device=device_record(case, found.fingerprint),
        runtime=runtime_asked_for(case),
        artifact=artifact_record(found.artifact),
        software=SoftwareRecord(**software()),
        data=DataRecord(
            folder=data.folder.resolve().name,
            layout=data.layout,
            digest=data.digest,
            limit=limit,
            seed=seed,
            against_module=found.against_module,
        ),
        preparation=subject.how.model_dump(mode="json"),
        metrics={name: _metric(one, UNITS.get(name, "%")) for name, one in metrics.items()},
        images=len(found.counts),
        skipped=dict(found.reasons),
        skipped_examples=found.examples,
        turned=found.turned,
    )
    labels = data.labels
    of_images = None if labels is None else [labels[name] for name in found.names]
    writer.write_images(found.names, scorer.columns, found.counts, of_images)
    path = writer.commit(record)
    return read_accuracy(path), path


def _metric(one: Sureness, unit: str) -> Metric:
    # Sums of floating-point shares may be a hair above 100.
    value, low, high = (min(max(number, 0.0), 100.0) for number in one)
    return Metric(unit=unit, value=value, low=min(low, value), high=max(high, value))


def runs_of_the_file(store: Path, sha256: str) -> list[Mapping[str, Any]]:
    """Rows of the store's runs that timed the same file, latest first."""
    return [row for row in find_rows(store) if row["artifact_sha256"] == sha256 and row["median_ms"] is not None]


def difference_unit(unit: str) -> str:
    """What a difference of two values of a unit is called: of per cent points."""
    return "points" if unit == "%" else unit


def difference(a: StoredAccuracy, b: StoredAccuracy) -> dict[str, Sureness] | str:
    """B less A by metric, in its unit or in points, on the images that both have; or why they cannot be held against
    each other."""
    if a.record.data.layout != b.record.data.layout or a.record.data.against_module != b.record.data.against_module:
        return "one was scored by labels and the other was not, or by labels of another layout"
    (names_a, columns_a, counts_a), (names_b, columns_b, counts_b) = a.images(), b.images()
    if columns_a != columns_b:
        return "their models tell other classes apart"
    place_a, place_b = ({name: place for place, name in enumerate(names)} for names in (names_a, names_b))
    common = [name for name in names_a if name in place_b]
    if not common:
        return "they were not scored on any image in common"
    if other_labels := _other_labels(a, b, common, set(names_a) == set(names_b)):
        return other_labels
    rows_a, rows_b = [place_a[name] for name in common], [place_b[name] for name in common]
    return bootstrap_difference(counts_a[rows_a], counts_b[rows_b], metrics_of(columns_a))


def _other_labels(a: StoredAccuracy, b: StoredAccuracy, common: Sequence[str], are_all: bool) -> str | None:
    """Why the images that both have cannot be held against each other; None where they had the same labels. `are_all`:
    neither has others."""
    labels_a, labels_b = a.labels(), b.labels()
    if labels_a is not None and labels_b is not None:
        unlike = [name for name in common if labels_a[name] != labels_b[name]]
        if not unlike:
            return None
        return f"{len(unlike)} of the {len(common)} images that both have were held against other labels ({unlike[0]})"
    if are_all and a.record.data.digest != b.record.data.digest:
        return "the same images were held against other labels, or their files have changed"
    return None
