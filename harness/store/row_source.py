"""The part of a record that a row of the run table is made from.

Reading it takes about a tenth of the time that reading the whole record takes, because what no row shows
(fingerprints, facts of runtimes and conversions) is skipped instead of checked. A record that reads well here can still
be wrong in the rest; `bench results verify` reads the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latency_bench.harness.store.fields import UtcTime
from latency_bench.harness.store.migrations import newest_version

if TYPE_CHECKING:
    from latency_bench.harness.store.record import RunRecord


class _Part(BaseModel):
    """Only what is named here is looked at; types are as strict as in the record.

    Fields that this program always writes have no default here: a record without them takes the slow way.
    """

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class _Weights(_Part):
    sha256: str | None


class _Spec(_Part):
    family: str | None = None
    task: str | None = None
    dataset: str | None = None


class _Model(_Part):
    id: str
    title: str
    spec: _Spec
    resolution: tuple[int, int] = Field(strict=False)
    batch: int
    precision: str
    output: str | None
    weights: _Weights
    params: int | None
    macs: int | None


class _ArtifactFacts(_Part):
    inputs: Any = None
    outputs: Any = None


class _Artifact(_Part):
    format: str
    sha256: str
    size_bytes: int
    facts: _ArtifactFacts


class _Device(_Part):
    name: str
    transport: str
    runner: str
    fingerprint: _Fingerprint


class _Fingerprint(_Part):
    linux: Any = None
    """Whatever a probe left there: its shape is the probe's, and a row does not depend on it."""


class _Runtime(_Part):
    name: str
    version: str | None
    options: dict[str, Any]
    facts: _RuntimeFacts


class _RuntimeFacts(_Part):
    gpu: Any = None


class _Protocol(_Part):
    name: str


class _Campaign(_Part):
    name: str
    case: str


class _Estimate(_Part):
    median_ms: float
    low_ms: float | None
    high_ms: float | None
    confidence: float | None
    n: int
    rounds: int
    round_medians_ms: list[float]


class _Throughput(_Part):
    img_s: float


class _MeasuredThroughput(_Throughput):
    streams: int
    round_img_s: list[float]


class _Energy(_Part):
    joules_per_image: float


class _Summary(_Part):
    latency: _Estimate
    latency_covers: str
    phases: dict[str, _Estimate]
    throughput: _Throughput
    throughput_measured: _MeasuredThroughput | None
    peak_rss_bytes: int | None
    energy: _Energy | None


class _Fidelity(_Part):
    passed: bool | None


class _Flag(_Part):
    name: str
    severity: Literal["info", "warning", "error"]


class _Failure(_Part):
    stage: str
    kind: str
    message: str


class RowSource(_Part):
    """Fields as in RunRecord."""

    schema_version: int
    run_id: str
    status: Literal["done", "unstable", "failed"]
    started_at: UtcTime
    command: list[str]
    model: _Model
    device: _Device
    protocol: _Protocol
    campaign: _Campaign | None = None
    artifact: _Artifact | None
    runtime: _Runtime | None
    summary: _Summary | None
    fidelity: _Fidelity | None
    flags: list[_Flag]
    verdicts: dict[str, str]
    failure: _Failure | None

    @classmethod
    def of(cls, record: RunRecord) -> RowSource:
        """The same part of a record that is read already."""
        return cls.model_validate_json(record.to_json())


def read_row_source(text: bytes) -> RowSource:
    """From the bytes of record.json, of whatever version. Raises BrokenRunError, NewerRecordError."""
    try:
        source = RowSource.model_validate_json(text)
    except ValidationError:
        source = None
    if source is None or source.schema_version != newest_version():
        # Rare, and slow does not matter: the whole record says best what is wrong, or migrates it.
        from latency_bench.harness.store.record import parse_record

        return RowSource.of(parse_record(text))
    return source
