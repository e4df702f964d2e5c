"""AccuracyRecord: how often a deployed artifact was right over a data set, as its record.json states it.

Its folder is <store>/<device>/_accuracy/<run id>/; the counts of every image lie in images.parquet. It refers to runs
by the hash of the artifact: latency and accuracy of one file belong together wherever they were measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.fields import Count, JsonDict, Part, Positive, UtcTime
from latency_bench.harness.store.layout import ACCURACY_FOLDER, check_run_names
from latency_bench.harness.store.migrations import Step, migrate, newest_version, version_of
from latency_bench.harness.store.record import FileRecord, content_of_kind, validation_reason
from latency_bench.harness.store.subject import ArtifactRecord, DeviceRecord, ModelRecord, RuntimeRecord, SoftwareRecord

KIND = "accuracy"
ACCURACY_STEPS: tuple[Step, ...] = ()
"""As the steps of migrations.py.

History of the format, one line a version:
    1  the first.
"""


class Metric(Part):
    """With the 95 % interval over images."""

    unit: str = "%"
    value: float = Field(ge=0, le=100)
    low: float = Field(ge=0, le=100)
    high: float = Field(ge=0, le=100)


class DataRecord(Part):
    """Which images, and what they were held against."""

    folder: str
    """The folder's own name, without where it lies."""
    layout: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the names, sizes and labels of the images: equal for the same images, held against the same."""
    limit: Positive | None = None
    """At most so many, drawn with `seed`; null: all."""
    seed: Count = 0
    against_module: bool
    """Whether the fp32 module's own choices stood in for labels that there are none of: agreement, not accuracy."""


class AccuracyRecord(Part):
    """One evaluation, from the command to the metrics."""

    kind: Literal["accuracy"] = "accuracy"
    schema_version: Literal[1] = 1
    run_id: str
    started_at: UtcTime
    ended_at: UtcTime
    command: tuple[str, ...] = Field(strict=False)
    model: ModelRecord
    device: DeviceRecord
    runtime: RuntimeRecord
    artifact: ArtifactRecord
    software: SoftwareRecord
    data: DataRecord
    preparation: JsonDict
    """How an image became an input, and where that is from."""
    metrics: dict[str, Metric]
    images: Positive
    """That count."""
    skipped: dict[str, Count] = Field(default_factory=dict)
    """Images that could not be used, by reason."""
    skipped_examples: dict[str, str] = Field(default_factory=dict)
    """The first image of each reason; empty in records from before these were kept."""
    turned: Count = 0
    """Images whose EXIF data ask for a turn, which is not made."""
    files: dict[str, FileRecord] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_names(self) -> AccuracyRecord:
        check_run_names(self.run_id, {"device": self.device.name}, self.files)
        return self

    @property
    def folder(self) -> str:
        """Where in a device's folder it lies."""
        return ACCURACY_FOLDER

    @property
    def status(self) -> Literal["done"]:
        """What failed is told and not stored."""
        return "done"

    def to_json(self) -> str:
        """The text of record.json."""
        return self.model_dump_json(indent=2) + "\n"

    def to_result_json(self, path: Path | str) -> dict[str, Any]:
        """What `bench accuracy --json` prints, stored at `path`."""
        return {
            "run_id": self.run_id,
            "model": self.model.id,
            "device": self.device.name,
            "runtime": self.runtime.name,
            "precision": self.model.precision,
            "artifact_sha256": self.artifact.sha256,
            "data": self.data.model_dump(mode="json"),
            "metrics": {name: metric.model_dump() for name, metric in self.metrics.items()},
            "images": self.images,
            "skipped": dict(self.skipped),
            "path": str(path),
        }


def parse_accuracy(text: bytes) -> AccuracyRecord:
    """The record from the bytes of its record.json, migrated to the newest version.

    Raises BrokenRunError where it is not one, NewerRecordError where it is from a later version of this program.
    """
    content = content_of_kind(text, KIND, "an accuracy")
    if version_of(content) != newest_version(ACCURACY_STEPS):
        text = json.dumps(migrate(content, ACCURACY_STEPS)).encode()
    try:
        return AccuracyRecord.model_validate_json(text)
    except ValidationError as error:
        raise BrokenRunError(f"the record is not valid: {validation_reason(error)}.") from error
