"""What came out of a run: the second half of a record.

null everywhere means: not known, or does not apply. A phase that was not measured is absent.
"""

from __future__ import annotations

import math
from statistics import median
from typing import Annotated, Literal

from pydantic import Field, model_validator

from latency_bench.devices.runners.base import PHASES as PHASES
from latency_bench.devices.runners.base import WHOLE_PIPELINE as WHOLE_PIPELINE
from latency_bench.devices.runners.base import WHOLE_REQUEST as WHOLE_REQUEST
from latency_bench.devices.runners.base import Phase as Phase
from latency_bench.harness.store.fields import (
    LARGEST,
    Count,
    JsonDict,
    Metrics,
    Milliseconds,
    Part,
    Positive,
    UtcTime,
    Whole,
)

_SHORTEST_MS = 1e-7
"""A tenth of a nanosecond."""

Severity = Literal["info", "warning", "error"]
Answer = Literal["yes", "no", "unknown"]
PercentileName = Annotated[str, Field(pattern=r"^p[0-9]{1,2}(\.[0-9]{1,3})?$")]


class RoundRecord(Part):
    """One round: one fresh process that loaded the model, warmed up and was sampled."""

    index: Count
    """The `round` column of samples.parquet."""
    order_position: Count
    """Place of the round in the order in which the whole campaign's rounds were executed, from 0."""
    pid: Whole | None = None
    """Process id on the device."""
    seed: Whole
    """Of the input values."""
    started_at: UtcTime
    steady: bool | None
    """Whether the sampled latencies were shown to be steady (true) or to change their level (false); null where there
    was too little to tell. Without `steadiness` among the round's facts it is the worker's test of its warm-up."""
    stopped_by: str
    """What ended the sampling, e.g. the interval's width, the count or the time."""
    warmup_count: Count
    sample_count: Count
    timer_resolution_ns: float | None = Field(default=None, ge=0, le=1e18)
    loop_overhead_ns: float | None = Field(default=None, ge=0, le=1e18)
    """Cost of the measuring loop itself for each sample."""
    peak_rss_bytes: Count | None = None
    """Largest resident memory of the process, the model's loading included."""
    voluntary_context_switches: Count | None = None
    involuntary_context_switches: Count | None = None
    facts: JsonDict = Field(default_factory=dict)


class Estimate(Part):
    """A median of a duration with its interval, and what lies around it. Warm-up is not in it."""

    median_ms: Milliseconds
    """Median of the rounds' medians; of the samples, where there is one round."""
    low_ms: float | None = Field(default=None, ge=-1e12, le=1e12)
    high_ms: float | None = Field(default=None, ge=-1e12, le=1e12)
    """[low_ms, high_ms] contains the true median with `confidence`; null where the rounds support no interval. One
    round supports none, since it knows nothing of other processes; that of an older record is left aside."""
    confidence: float | None = Field(default=None, gt=0, lt=1)
    n: Positive
    """Samples, all rounds together."""
    n_effective: float | None = Field(default=None, ge=0, le=1e18)
    """Independent samples that carry the same information; fewer than n where neighbours resemble each other."""
    rounds: Positive
    basis: str = Field(min_length=1)
    """What the interval rests on, in words, e.g. `9 rounds`."""
    min_ms: Milliseconds
    max_ms: Milliseconds
    mean_ms: Milliseconds | None = None
    std_ms: Milliseconds | None = None
    """Standard deviation of the samples, all rounds together."""
    mad_ms: Milliseconds | None = None
    """Median absolute deviation of the samples from their median, all rounds together, not scaled."""
    round_medians_ms: tuple[Milliseconds, ...] = Field(default=(), strict=False)
    """In the order of `rounds`; how far the rounds disagree is what one process alone cannot see."""

    @model_validator(mode="after")
    def _in_order(self) -> Estimate:
        if (self.low_ms is None) != (self.high_ms is None) or (self.low_ms is not None and self.confidence is None):
            raise ValueError("an interval has two ends and a confidence")
        if not self.min_ms <= self.median_ms <= self.max_ms:
            raise ValueError(f"the median {self.median_ms} ms lies outside [{self.min_ms}, {self.max_ms}] ms")
        if self.low_ms is not None and self.high_ms is not None and not self.low_ms <= self.median_ms <= self.high_ms:
            raise ValueError(f"the median {self.median_ms} ms lies outside its interval")
        if self.rounds > self.n:
            raise ValueError(f"{self.rounds} rounds cannot have given {self.n} samples")
        if self.round_medians_ms and len(self.round_medians_ms) != self.rounds:
            raise ValueError(f"{len(self.round_medians_ms)} medians of {self.rounds} rounds")
        if self.round_medians_ms and not math.isclose(self.median_ms, median(self.round_medians_ms), rel_tol=1e-9):
            raise ValueError(f"{self.median_ms} ms is not the median of the rounds' medians {self.round_medians_ms}")
        return self

    @model_validator(mode="after")
    def _of_several_rounds(self) -> Estimate:
        if self.rounds == 1:
            for name in ("low_ms", "high_ms", "confidence"):
                object.__setattr__(self, name, None)
        return self


class Percentile(Part):
    """A percentile of the latency over the samples of all rounds, or how many samples are missing to support it."""

    value_ms: float | None = Field(default=None, gt=0, le=1e12)
    low_ms: float | None = Field(default=None, ge=-1e12, le=1e12)
    high_ms: float | None = Field(default=None, ge=-1e12, le=1e12)
    """Interval of the percentile, at the confidence of the latency's; null where the samples support none."""
    missing: Count = 0
    """Samples that lack until the percentile may be stated."""

    @model_validator(mode="after")
    def _value_or_reason(self) -> Percentile:
        if (self.value_ms is None) != (self.missing > 0):
            raise ValueError("a percentile has a value, or lacks samples")
        if (self.low_ms is None) != (self.high_ms is None) or (self.low_ms is not None and self.value_ms is None):
            raise ValueError("a percentile's interval has two ends, and a value in it")
        return self


class Throughput(Part):
    """Images a second, from the latency alone: one request at a time."""

    img_s: float = Field(gt=1e-30, lt=1e30)
    basis: Literal["batch / median latency"] = "batch / median latency"


class MeasuredThroughput(Part):
    """Images per second of wall time with `streams` requests of `batch` images in flight, transfers overlapping with
    computation. A measurement of its own, after the latency's."""

    img_s: float = Field(gt=1e-30, lt=1e30)
    """Median of the rounds."""
    streams: Positive
    batch: Positive
    round_img_s: tuple[Annotated[float, Field(gt=1e-30, lt=1e30)], ...] = Field(min_length=1, strict=False)
    basis: Literal["images / wall second"] = "images / wall second"

    @model_validator(mode="after")
    def _median_of_rounds(self) -> MeasuredThroughput:
        if not math.isclose(self.img_s, median(self.round_img_s), rel_tol=1e-9):
            raise ValueError(f"{self.img_s} images/s is not the median of the rounds {self.round_img_s}")
        return self


class Energy(Part):
    """From power readings of the device's own rails while it was sampled."""

    joules_per_image: float = Field(gt=1e-30, lt=1e30)
    images_per_joule: float = Field(gt=1e-30, lt=1e30)
    mean_power_w: float = Field(gt=1e-30, lt=1e30)
    """Idle power included."""
    readings: Positive
    rails: tuple[str, ...] = Field(min_length=1, strict=False)
    """Whose sum the power is."""

    @model_validator(mode="after")
    def _inverse(self) -> Energy:
        if not math.isclose(self.joules_per_image * self.images_per_joule, 1.0, rel_tol=1e-6):
            raise ValueError("images per joule is the inverse of joules per image")
        return self


class Builds(Part):
    """Engines that were built on the device several times from the same file; rounds took turns on them."""

    count: int = Field(ge=2, le=LARGEST)
    medians_ms: tuple[Milliseconds, ...] = Field(strict=False)
    """Median of the rounds on each build."""
    between_cv: float = Field(ge=0)
    """Spread of these medians: standard deviation over mean."""
    within_cv: float | None = Field(default=None, ge=0)
    """Spread of rounds on one build; null where no build has two rounds."""


class Sustained(Part):
    """Of one round that was sampled for a fixed time without a pause. Seconds since its first request."""

    length_s: float = Field(gt=0, le=1e9)
    start_ms: Milliseconds
    """Median of the first thirtieth of the time."""
    end_ms: Milliseconds
    """Median of the last fifth."""
    is_steady: bool
    """Whether that level had been reached a fifth of the time earlier already."""
    slower_after_s: float | None = Field(default=None, ge=0, le=1e9)
    """When the latency first stayed 5 % above the start; null: never."""
    clock_fell_after_s: float | None = Field(default=None, ge=0, le=1e9)
    """When the clock of what was measured first lay 5 % below its best; null: never, or nobody could see it."""


class Summary(Part):
    """The numbers of a run."""

    latency: Estimate
    """Wall clock of what `latency_covers` says, host-synchronised, nothing else in flight."""
    latency_covers: str = Field(default=WHOLE_REQUEST, min_length=1)
    """What the latency is the time of. Tools that are not ours time less than a whole request."""
    phases: dict[Phase, Estimate] = Field(default_factory=dict)
    """Parts of the request. Their medians need not add up to the latency's."""
    percentiles: dict[PercentileName, Percentile] = Field(default_factory=dict)
    throughput: Throughput
    throughput_measured: MeasuredThroughput | None = None
    """null: it was not asked for."""
    peak_rss_bytes: Count | None = None
    """Largest of the rounds."""
    energy: Energy | None = None
    """null: the device's power could not be read, or not often enough."""
    no_energy_because: str | None = None
    """Why not, where the power was read. null: it was not, or there is an energy."""
    telemetry_covered: dict[str, float] = Field(default_factory=dict)
    """By quantity: share of the sampling, all rounds together, that lies near enough to a reading. Empty: none were
    taken, or the record is from before that was kept."""
    builds: Builds | None = None
    """null: nothing was built on the device, or only once."""
    sustained: Sustained | None = None
    """null: the protocol does not sample for a fixed time, or there were too few requests to tell."""

    @model_validator(mode="after")
    def _measured(self) -> Summary:
        if self.latency.min_ms < _SHORTEST_MS:
            raise ValueError("a latency of 0 cannot have been measured")
        return self

    @model_validator(mode="after")
    def _of_several_rounds(self) -> Summary:
        if self.latency.rounds == 1:
            without = {"low_ms": None, "high_ms": None}
            percentiles = {name: one.model_copy(update=without) for name, one in self.percentiles.items()}
            object.__setattr__(self, "percentiles", percentiles)
        return self


class InputFidelityRecord(Part):
    """What the outputs for one set of inputs say."""

    input: str = Field(min_length=1)
    """`noise`: what the timed requests are fed; `natural`: an image with the statistics of photographs; `image`: a file
    that was brought."""
    passed: bool | None
    """null: on these inputs right outputs cannot be told from wrong ones, and `reason` says why."""
    metrics: dict[str, Metrics] = Field(default_factory=dict)
    tolerance: Metrics = Field(default_factory=dict)
    rounding_error: Metrics = Field(default_factory=dict)
    """By output: the largest |fp32 - fp64| of the module itself over the largest |fp64|, of classes the share that
    differs; the limits grow with it. Empty where float64 was not possible."""
    change: Metrics = Field(default_factory=dict)
    """By output: how far the module's outputs move from one draw of these inputs to another."""
    reason: str | None = None


class FidelityRecord(Part):
    """Whether what ran still computes the model."""

    passed: bool | None
    """null: not checked, and `reason` says why that was not possible."""
    metrics: dict[str, Metrics] = Field(default_factory=dict)
    """By output name: max_abs, max_rel, cosine, psnr_db, argmax_agreement, ... against the fp32 module."""
    tolerance: Metrics = Field(default_factory=dict)
    reason: str | None = None
    """Why it did not pass, or why it was judged as it was."""
    input: str | None = None
    """The set of inputs that `metrics` and `tolerance` are of: the first that failed, else the one that came nearest to
    its limit. null in records of before, which had noise alone."""
    checks: tuple[InputFidelityRecord, ...] = Field(default=(), strict=False)
    """Every set of inputs, one after the other."""

    @model_validator(mode="after")
    def _reason_where_not_checked(self) -> FidelityRecord:
        if self.passed is None and (not self.reason or self.metrics):
            raise ValueError("where fidelity was not checked there has to be a reason, and there cannot be metrics")
        return self


class Flag(Part):
    """Something a reader has to know before quoting the number."""

    name: str = Field(min_length=1)
    severity: Severity
    text: str
    remedy: str | None = None


DOES_NOT_FIT = ("too-large", "out-of-memory")
"""Kinds of failure that are results: where memory ends."""


class Failure(Part):
    """Why there is no number."""

    stage: str = Field(min_length=1)
    """`build`, `export`, `deploy`, `fidelity`, `measure`, ..."""
    kind: str = Field(min_length=1)
    message: str
    remedy: str | None = None
