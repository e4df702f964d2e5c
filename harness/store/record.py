"""RunRecord: everything that is known of one run, as record.json states it.

Third parties parse this file. Units are in the names, times are UTC, null means unknown. docs/store.md says which
change of the fields is a new `schema_version`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.fields import Count, JsonDict, Labels, Part, Sha256, UtcTime
from latency_bench.harness.store.layout import check_run_names, is_run_id
from latency_bench.harness.store.migrations import migrate, newest_version, version_of
from latency_bench.harness.store.outcome import Answer, Failure, FidelityRecord, Flag, RoundRecord, Summary
from latency_bench.harness.store.subject import (
    ArtifactRecord,
    CampaignRecord,
    DeviceRecord,
    ModelRecord,
    ProjectRecord,
    RuntimeRecord,
    SoftwareRecord,
)

Status = Literal["done", "unstable", "failed"]


class FileRecord(Part):
    """A file beside record.json, so that a change of it can be seen."""

    sha256: Sha256
    size_bytes: Count


class RunRecord(Part):
    """One run, from the command to the verdict."""

    schema_version: Literal[1] = 1
    run_id: str
    status: Status
    """`done`; `unstable`: it never settled, the numbers are shown as such; `failed`: there is no number."""
    started_at: UtcTime
    ended_at: UtcTime
    """By the wall clock, which may have been set back in between."""
    command: tuple[str, ...] = Field(strict=False)
    """Arguments as they were given, the program's name first."""
    model: ModelRecord
    device: DeviceRecord
    protocol: JsonDict
    """The profile in numbers; `name` says which one."""
    software: SoftwareRecord
    campaign: CampaignRecord | None = None
    """null: the run was asked for by itself."""
    labels: Labels = Field(default_factory=dict)
    """What the user called it; `commit` is the version of the code that was measured."""
    project: ProjectRecord | None = None
    """null: the command was given outside of any checkout."""
    repeats: str | None = None
    """Id of the run that this one measures once more, because that was not shown steady or its rounds disagreed."""
    artifact: ArtifactRecord | None = None
    runtime: RuntimeRecord | None = None
    rounds: tuple[RoundRecord, ...] = Field(default=(), strict=False)
    summary: Summary | None = None
    fidelity: FidelityRecord | None = None
    """null: not checked."""
    flags: tuple[Flag, ...] = Field(default=(), strict=False)
    verdicts: dict[str, Answer] = Field(default_factory=dict)
    """Questions that every run answers, such as `throttled` and `clocks_locked`; what nobody could see is `unknown`."""
    failure: Failure | None = None
    files: dict[str, FileRecord] = Field(default_factory=dict)
    """Every other file of the run by its path in it."""

    @field_validator("protocol")
    @classmethod
    def _named(cls, protocol: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(protocol.get("name"), str):
            raise ValueError("the protocol needs a `name`")
        return protocol

    @model_validator(mode="after")
    def _names_are_names(self) -> RunRecord:
        check_run_names(self.run_id, {"device": self.device.name, "model": self.model.id}, self.files)
        if self.repeats is not None and not is_run_id(self.repeats):
            raise ValueError(f"{self.repeats!r} is not the id of a run")
        return self

    @model_validator(mode="after")
    def _number_or_reason(self) -> RunRecord:
        if self.status == "failed":
            if self.failure is None:
                raise ValueError("a failed run has to have a failure")
            if self.summary is not None:
                raise ValueError("a failed run cannot have a summary")
            return self
        if self.failure is not None:
            raise ValueError(f"a run that is {self.status} cannot have a failure")
        if self.summary is None or self.runtime is None:
            raise ValueError(f"a run that is {self.status} has to have a summary and a runtime")
        return self

    @model_validator(mode="after")
    def _numbers_agree(self) -> RunRecord:
        indices = [one.index for one in self.rounds]
        if len(set(indices)) != len(indices):
            raise ValueError(f"two rounds share an index: {indices}")
        if self.summary is None:
            return self
        latency = self.summary.latency
        sampled = sum(one.sample_count for one in self.rounds)
        if (latency.n, latency.rounds) != (sampled, len(self.rounds)):
            raise ValueError(
                f"the summary is of {latency.n} samples in {latency.rounds} rounds, "
                f"the rounds are {len(self.rounds)} with {sampled}"
            )
        expected_img_s = self.model.batch / (latency.median_ms / 1e3)
        if not math.isclose(self.summary.throughput.img_s, expected_img_s, rel_tol=1e-6):
            raise ValueError(
                f"batch / median latency is {expected_img_s} images/s, not {self.summary.throughput.img_s}"
            )
        return self

    @property
    def folder(self) -> str:
        """Where in a device's folder it lies."""
        return self.model.id

    def to_json(self) -> str:
        """The text of record.json."""
        return self.model_dump_json(indent=2) + "\n"

    def to_result_json(self, path: Path | str) -> dict[str, Any]:
        """What `bench run --json` prints: the run's result in brief, stored at `path`.

        A failed run has null and {} where numbers would be, and `failure` beside them.
        """
        result: dict[str, Any] = {
            "run_id": self.run_id,
            "status": self.status,
            "model": self.model.id,
            "device": self.device.name,
            "runtime": self.runtime.name if self.runtime else None,
            "resolution": list(self.model.resolution),
            "batch": self.model.batch,
            "precision": self.model.precision,
            "latency_ms": None,
            "phases_ms": {},
            "throughput_img_s": None,
            "fidelity": self.fidelity.model_dump(mode="json") if self.fidelity else None,
            "flags": [flag.model_dump(mode="json") for flag in self.flags],
            "path": str(path),
        }
        if self.summary is not None:
            latency = self.summary.latency
            result["latency_ms"] = {
                "median": latency.median_ms,
                "low": latency.low_ms,
                "high": latency.high_ms,
                "n": latency.n,
                "rounds": latency.rounds,
            }
            result["phases_ms"] = {phase: {"median": one.median_ms} for phase, one in self.summary.phases.items()}
            result["throughput_img_s"] = self.summary.throughput.img_s
            result["latency_covers"] = self.summary.latency_covers
            if self.summary.throughput_measured is not None:
                result["throughput_measured"] = self.summary.throughput_measured.model_dump(mode="json")
        if self.failure is not None:
            result["failure"] = self.failure.model_dump(mode="json")
        return result


def parse_record(text: bytes) -> RunRecord:
    """A record from the bytes of record.json, migrated to the newest version. Fields that this program does not know,
    which a later one may have added, are left aside.

    Raises BrokenRunError where it is not one, NewerRecordError where it is from a later version of this program.
    """
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError:
        # Rare, and slow does not matter: it is of another version, or what is wrong has to be said.
        content = _migrated(text)
    try:
        try:
            return RunRecord.model_validate_json(json.dumps(content))
        except ValidationError as error:
            if not _forget_unknown_fields(content, error):
                raise
            return RunRecord.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise BrokenRunError(f"the record is not valid: {validation_reason(error)}.") from error


def content_of_kind(text: bytes, kind: str, words: str) -> dict[str, Any]:
    """The JSON of a record of another kind than a run's. Raises BrokenRunError, which tells the kind in `words`."""
    from pydantic_core import from_json

    try:
        content = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BrokenRunError(f"the record is not JSON: {error}.") from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise BrokenRunError(f"the record is not that of {words}.")
    return content


def validation_reason(error: ValidationError) -> str:
    """What is wrong with a record, and where, in one line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "the whole"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    # Names of fields come from the file and go to a terminal.
    return "".join(letter if letter.isprintable() else "?" for letter in f"{where}: {first['msg']}") + more


def _migrated(text: bytes) -> Any:
    """The parsed record in the newest version. Raises BrokenRunError, NewerRecordError."""
    from pydantic_core import from_json

    try:
        content = from_json(text, allow_inf_nan=False)
        version = version_of(content)
        return content if version == newest_version() else migrate(content)
    except (ValueError, RecursionError) as error:
        raise BrokenRunError(f"the record is not JSON: {str(error)[:200]}.") from error


def _forget_unknown_fields(content: Any, error: ValidationError) -> bool:
    """Delete from `content` the fields that `error` calls unknown. False where there are none."""
    unknown = [one["loc"] for one in error.errors(include_input=False) if one["type"] == "extra_forbidden"]
    for *path, name in unknown:
        part = content
        for step in path:
            part = part[step]
        del part[name]
    return bool(unknown)
