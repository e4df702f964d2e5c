"""PairRecord: everything that is known of one paired measurement, as its record.json states it.

Its folder is <store>/<device>/_pairs/<run id>/, with the same files as a run's. Each side is in it as the record that a
run of its own would have, with the process pairs as rounds. A change of the fields is a new `schema_version`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.fields import Count, JsonDict, Part, UtcTime
from latency_bench.harness.store.layout import PAIRS_FOLDER, check_run_names
from latency_bench.harness.store.migrations import Step, migrate, newest_version, version_of
from latency_bench.harness.store.outcome import Failure, Flag
from latency_bench.harness.store.record import FileRecord, RunRecord, content_of_kind, validation_reason
from latency_bench.harness.store.subject import CampaignRecord, DeviceRecord

KIND = "pair"
PAIR_STEPS: tuple[Step, ...] = ()
"""As the steps of migrations.py, for the fields of a pair's own; the sides are migrated as runs.

History of the format, one line a version:
    1  the first.
"""


def started_later(mode: str, start_orders: Iterable[Sequence[int]], side: int) -> tuple[bool, ...]:
    """Whether a side's process was started after that of the first side, one a process pair; empty where they did not
    live at once. `start_orders`: of each pair, the sides' numbers."""
    if mode != "turns":
        return ()
    return tuple(order.index(side) > order.index(0) for order in start_orders)


class Interval(Part):
    """A ratio with the interval of it at 95 %; null where one pair of processes gives none."""

    ratio: float = Field(gt=0)
    low: float | None = Field(default=None, gt=0)
    high: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Interval:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        if self.low is not None and self.high is not None and not self.low <= self.ratio <= self.high:
            raise ValueError(f"the ratio {self.ratio} lies outside its interval")
        return self


class PairedEstimate(Interval):
    """The latency of one side over that of the first."""

    side: int = Field(ge=1)
    confidence: float = Field(gt=0, lt=1)
    p_value: float = Field(ge=0, le=1)
    """Of equality."""
    p_adjusted: float = Field(ge=0, le=1)
    """Corrected for the other ratios of this pair."""
    verdict: str = Field(min_length=1)
    """As in harness/statistics/paired_ratio.py."""
    text: str
    """The verdict in a sentence, with its figures."""
    basis: str
    process_pairs: int = Field(ge=1)
    request_pairs: int = Field(ge=1)
    """Requests of the side that stand beside ones of the first; the smaller count of the two."""
    log_ratios: tuple[float, ...] = Field(strict=False)
    """One a process pair, in order, as it was measured: what the order of starting did is still in it
    (harness/statistics/start_order.py)."""
    standard_errors: tuple[float | None, ...] = Field(strict=False)
    """Of each, within its pair; null where there were too few blocks for one."""
    between: float | None = Field(default=None, ge=0)
    """Standard deviation of the log ratio from pair to pair, beyond what is within them."""
    within_1s: float | None = Field(default=None, ge=0)
    """The same within a pair, of one second of alternating."""

    @model_validator(mode="after")
    def _counts_agree(self) -> PairedEstimate:
        if not len(self.log_ratios) == len(self.standard_errors) == self.process_pairs:
            raise ValueError(f"{len(self.log_ratios)} log ratios of {self.process_pairs} process pairs")
        return self


class ProcessPairRecord(Part):
    """One set of fresh processes."""

    index: Count
    started_at: UtcTime
    order_seed: Count
    start_order: tuple[int, ...] = Field(strict=False)
    wall_s: float = Field(ge=0)
    alternated_s: float = Field(ge=0)
    blocks: Count
    idle_processor_s: tuple[float, ...] = Field(strict=False)
    """By side: what its process computed while another one's turn was; empty where none lived then."""


class SideBiasRecord(Part):
    """What taking turns did to a side; null where it cannot be told."""

    first_request: Interval | None = None
    """The first request after a change over those that count."""
    alone: Interval | None = None
    """Those that count over the same process's requests alone before. Drift is in it."""


class TurnsRecord(Part):
    """How the sides took turns."""

    mode: Literal["turns", "processes"]
    """`turns`: live processes, by bursts of requests; `processes`: short fresh processes one after the other."""
    reason: str | None = None
    """Why not by turns."""
    requests: tuple[int, ...] = Field(default=(), strict=False)
    """Of each side's bursts, those that are left out included; empty for processes."""
    discarded: tuple[int, ...] = Field(default=(), strict=False)
    """At the start of each burst: they belong to the change."""
    pause_s: float = Field(default=0.0, ge=0)
    trial_first_request: tuple[float, ...] = Field(default=(), strict=False)
    """How much longer than the rest of its burst the first request after a change took in the trial."""


class PairRecord(Part):
    """One paired measurement, from the command to the verdicts."""

    kind: Literal["pair"] = "pair"
    schema_version: Literal[1] = 1
    run_id: str
    status: Literal["done", "failed"]
    started_at: UtcTime
    ended_at: UtcTime
    command: tuple[str, ...] = Field(strict=False)
    campaign: CampaignRecord | None = None
    """The campaign that it is of, and the key of the pair there."""
    device: DeviceRecord
    request: JsonDict
    """`within`, `max_minutes`, `seed`; of a gate `limit` and `decided_at` too."""
    sides: tuple[RunRecord, ...] = Field(min_length=2, strict=False)
    """The baseline first."""
    turns: TurnsRecord
    ratios: tuple[PairedEstimate, ...] = Field(default=(), strict=False)
    """One a side but the first, in their order."""
    bias: tuple[SideBiasRecord, ...] = Field(default=(), strict=False)
    in_blocks: tuple[Interval, ...] = Field(default=(), strict=False)
    """The ratios of the same processes alone, one after the other, before they took turns: what pairing removes.
    One a side but the first, or none where that of one is not known."""
    pairs: tuple[ProcessPairRecord, ...] = Field(default=(), strict=False)
    stopped_by: Literal["within", "max_minutes", "decided"] | None = None
    """`decided`: every interval lay on one side of the request's `limit`."""
    flags: tuple[Flag, ...] = Field(default=(), strict=False)
    failure: Failure | None = None
    failed_side: Count | None = None
    """null: it was no side's own."""
    files: dict[str, FileRecord] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_names(self) -> PairRecord:
        check_run_names(self.run_id, {"device": self.device.name}, self.files)
        return self

    @model_validator(mode="after")
    def _number_or_reason(self) -> PairRecord:
        if (self.status == "failed") != (self.failure is not None):
            raise ValueError("a failed pair, and only a failed one, has a failure")
        if self.status == "done":
            if [one.side for one in self.ratios] != list(range(1, len(self.sides))):
                raise ValueError("a pair that is done has a ratio of every side but the first")
            if any(one.process_pairs != len(self.pairs) for one in self.ratios) or self.stopped_by is None:
                raise ValueError("the ratios are not of the pairs that were measured")
            if any(sorted(pair.start_order) != list(range(len(self.sides))) for pair in self.pairs):
                raise ValueError("an order of starting names other sides than there are")
            if any(side.summary is None for side in self.sides):
                raise ValueError("a pair that is done has the latency of every side")
        return self

    @property
    def folder(self) -> str:
        """Where in a device's folder it lies."""
        return PAIRS_FOLDER

    def started_later(self, side: int) -> tuple[bool, ...]:
        return started_later(self.turns.mode, (pair.start_order for pair in self.pairs), side)

    @property
    def seconds(self) -> float:
        """Of the process pairs that count."""
        return math.fsum(pair.wall_s for pair in self.pairs)

    def to_json(self) -> str:
        """The text of record.json."""
        return self.model_dump_json(indent=2) + "\n"

    def to_result_json(self, path: Path | str) -> dict[str, Any]:
        """What `bench pair --json` prints, stored at `path`: the ratio of the second side to the first. With more than
        two sides every ratio is in `ratios`, and the latencies in `sides`."""
        result: dict[str, Any] = {
            "run_id": self.run_id,
            "status": self.status,
            **self._ratio_json(0),
            "seconds": self.seconds,
            "a": self._side_json(0),
            "b": self._side_json(1),
            "bias": self._bias_json(),
            "turns": self.turns.model_dump(mode="json"),
            "stopped_by": self.stopped_by,
            "flags": [flag.model_dump(mode="json") for flag in self.flags],
            "path": str(path),
        }
        if len(self.sides) > 2:
            result["ratios"] = [{"side": one.side, **self._ratio_json(one.side - 1)} for one in self.ratios]
            result["sides"] = [self._side_json(number) for number in range(len(self.sides))]
        if self.failure is not None:
            result["failure"] = {**self.failure.model_dump(mode="json"), "side": self.failed_side}
        return result

    def _ratio_json(self, index: int) -> dict[str, Any]:
        names = ("ratio", "low", "high", "verdict", "process_pairs", "request_pairs")
        if not self.ratios:
            return dict.fromkeys(names)
        return {name: getattr(self.ratios[index], name) for name in names}

    def _side_json(self, number: int) -> dict[str, Any]:
        """As `bench run --json` has a run, without what it does not have by itself."""
        side = self.sides[number].to_result_json("")
        return {name: value for name, value in side.items() if name not in ("path", "run_id", "device")}

    def _bias_json(self) -> dict[str, Any]:
        return {
            "sides": [one.model_dump(mode="json") for one in self.bias],
            "in_blocks": [one.model_dump(mode="json") for one in self.in_blocks],
        }


def parse_pair(text: bytes) -> PairRecord:
    """A pair's record from the bytes of its record.json, migrated to the newest version.

    Raises BrokenRunError where it is not one, NewerRecordError where it is from a later version of this program.
    """
    content = content_of_kind(text, KIND, "a pair")
    sides = content.get("sides")
    old_sides = isinstance(sides, list) and any(version_of(side) != newest_version() for side in sides)
    if old_sides or version_of(content) != newest_version(PAIR_STEPS):
        content = migrate(content, PAIR_STEPS)
        text = json.dumps({**content, "sides": [migrate(side) for side in content["sides"]]}).encode()
    try:
        return PairRecord.model_validate_json(text)
    except ValidationError as error:
        raise BrokenRunError(f"the record is not valid: {validation_reason(error)}.") from error
