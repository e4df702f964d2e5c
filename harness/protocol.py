"""How long and how often: a protocol is a small YAML file that a user can copy (harness/protocols/)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.located_yaml import LocatedYamlError, read_yaml

PROFILES = Path(__file__).parent / "protocols"
_NS = 1_000_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Warmup(_Strict):
    """Warm up until two adjacent windows of `window` samples agree; not before the floors, not past the caps."""

    min_count: int = Field(ge=0)
    max_count: int = Field(ge=1)
    min_s: float = Field(ge=0)
    max_s: float = Field(ge=0)
    window: int = Field(ge=0)
    """Samples a window; 0 switches the test of steadiness off: the warm-up then ends at its floors."""


class Sampling(_Strict):
    """Sample until the interval of the median is narrower than asked; not before the floors, not past the caps."""

    min_count: int = Field(ge=1)
    max_count: int = Field(ge=1)
    min_s: float = Field(ge=0)
    max_s: float = Field(gt=0)
    relative_interval: float | None = Field(gt=0, le=1)
    """Full width of the interval over the median at which sampling may stop; null: the floors alone decide."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class CoolDown(_Strict):
    """Before every round, wait until the hottest sensor is at or below `below_c`, at most `max_s`. Only sensors of what
    a measurement heats count, as the device's probes say."""

    below_c: float | None = Field(default=None, gt=0, lt=120)
    """null: what the device's probes call cool; where none of them does, nothing is waited for."""
    max_s: float = Field(gt=0)


class Protocol(_Strict):
    name: str
    rounds: int = Field(ge=1)
    """Fresh processes of a single `bench run`."""
    campaign_rounds: int = Field(ge=1)
    """Fresh processes a case in a campaign, where rounds of different models are interleaved."""
    most_rounds: int | None = Field(default=None, ge=1)
    """Up to how many rounds are added where the first ones show that so many are needed for `round_interval`; null:
    none are. A number of rounds that is asked for is taken as it is."""
    round_interval: float = Field(default=0.05, gt=0, le=1)
    """Full width of the interval of the rounds' median, over the median, that rounds are added for."""
    again: bool = False
    """Whether a case that is not shown steady, or whose rounds disagree, is measured once more in fresh processes."""
    builds: int = Field(default=1, ge=1)
    """Engines that the rounds are spread over, for runtimes that build one on the device: two builds of the same file
    may choose other kernels, which no number of rounds on one of them shows."""
    warmup: Warmup
    sampling: Sampling
    cool_down: CoolDown | None = None
    """None: rounds follow each other at once."""

    @model_validator(mode="after")
    def _floors_below_caps(self) -> Protocol:
        for part in (self.warmup, self.sampling):
            if part.min_count > part.max_count or part.min_s > part.max_s:
                raise ValueError(f"{type(part).__name__.lower()}: a minimum is larger than its maximum")
        return self

    def worker_warmup(self) -> dict[str, Any]:
        """The worker protocol's `warmup`, in nanoseconds."""
        return _in_ns(self.warmup.model_dump())

    def worker_sampling(self) -> dict[str, Any]:
        """The worker protocol's `sampling`, in nanoseconds."""
        return _in_ns(self.sampling.model_dump())

    def worker_throughput(self, streams: int) -> dict[str, Any]:
        """The worker protocol's `throughput`: as long as a round samples at least, after half a second of the same."""
        length_s = max(1.0, self.sampling.min_s)
        return {
            "streams": streams,
            "warmup_ns": int(0.5 * _NS),
            "min_count": max(10, streams),
            "min_ns": int(length_s * _NS),
            "max_ns": int(max(length_s, self.sampling.max_s) * _NS),
        }


def _in_ns(part: dict[str, Any]) -> dict[str, Any]:
    return {
        (name[:-2] + "_ns" if name.endswith("_s") else name): (int(value * _NS) if name.endswith("_s") else value)
        for name, value in part.items()
    }


def profile_names() -> list[str]:
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def load_protocol(name: str) -> Protocol:
    """A profile by name, or a user's own file (anything that ends in .yaml or .yml).

    Raises UsageError naming file, line and field.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
    elif name in profile_names():
        path = PROFILES / f"{name}.yaml"
    else:
        raise UsageError(
            f"there is no protocol called {name!r}; name one of {', '.join(profile_names())}, or a .yaml file"
        )
    try:
        return read_yaml(path, "a protocol is one mapping; copy one of harness/protocols/").validate(Protocol)
    except LocatedYamlError as error:
        raise UsageError(str(error)) from None
