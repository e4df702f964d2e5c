"""The plan of a campaign: its cases, each with the key by which it is known for good, in batches and in order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from latency_bench.devices.device import Device
from latency_bench.harness.campaign.campaign_file import Retry
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import CaseOptions, case_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.identity.case_key import CaseKey, label_of_both
from latency_bench.harness.identity.request_key import request_key
from latency_bench.harness.protocol import Protocol

DEFAULT_CASE_BATCH = 8
"""Cases whose rounds are interleaved. What a crash costs at most, and what has to fit on a device at once."""


@dataclass(frozen=True)
class PlannedCase:
    """One case of a campaign."""

    key: str
    case: Case
    request: CaseOptions | None = None
    """In words, for a host that has the device; None for a case that was made here."""
    repeats: str | None = None
    """Id of the run that is measured once more, because it was not shown steady."""

    @property
    def label(self) -> str:
        """For people: what it is, and whether throughput is measured too."""
        streams = f", {self.case.streams} streams" if self.case.streams else ""
        return CaseKey.of_case(self.case).label() + streams


@dataclass(frozen=True)
class PairTerms:
    """How the pairs of a campaign are measured; `protocol` is that of each process's warm-up."""

    protocol: Protocol
    within: float
    max_minutes: float


@dataclass(frozen=True)
class PlannedPair:
    """A case of the campaign against its baseline, another case of it. In the place of a PlannedCase."""

    baseline: PlannedCase
    candidate: PlannedCase
    terms: PairTerms

    @property
    def key(self) -> str:
        """16 hexadecimal digits, as of a case: who asks for more measures again."""
        terms = self.terms
        text = f"pair {self.baseline.key} {self.candidate.key} {terms.within!r} {terms.max_minutes!r}"
        return hashlib.sha256(f"{text} {terms.protocol.model_dump_json()}".encode()).hexdigest()[:16]

    @property
    def case(self) -> Case:
        """The candidate's; the pair is on its device."""
        return replace(self.candidate.case, rounds=1)

    @property
    def label(self) -> str:
        """`pair b1-seg 1024x2048 against segformer-b1 1024x2048, local: litert fp32, 1 thread`."""
        keys = [CaseKey.of_case(planned.case) for planned in (self.candidate, self.baseline)]
        return f"pair {label_of_both(*keys)}"


Planned: TypeAlias = PlannedCase | PlannedPair
"""What is tried as one."""


@dataclass(frozen=True)
class Plan:
    """A campaign that can be run."""

    name: str
    cases: tuple[PlannedCase, ...]
    order_seed: int = 0
    case_batch: int = DEFAULT_CASE_BATCH
    grows: bool = False
    """Whether the first batch of a device is one case, the next two, and so on up to `case_batch`: there is a number
    after the first export."""
    retry: Retry = field(default_factory=Retry)
    pairs: tuple[PlannedPair, ...] = ()
    """Measured after the cases."""

    @property
    def everything(self) -> tuple[Planned, ...]:
        """Cases, then pairs."""
        return (*self.cases, *self.pairs)

    def case_batches(self, keys: frozenset[str]) -> dict[str, list[list[PlannedCase]]]:
        """The cases with these keys by device, in batches of at most `case_batch`, in seeded random order.

        A case's place depends on the seed and on itself alone, so that what is left of a campaign keeps its order.
        """
        found: dict[str, list[list[PlannedCase]]] = {}
        for planned in sorted(self.cases, key=self._place):
            if planned.key not in keys:
                continue
            case_batches = found.setdefault(planned.case.device.name, [[]])
            if len(case_batches[-1]) == self._size(len(case_batches)):
                case_batches.append([])
            case_batches[-1].append(planned)
        return dict(sorted(found.items()))

    def _size(self, number: int) -> int:
        """Of the batch with this number, from 1."""
        return min(self.case_batch, 2 ** (number - 1)) if self.grows else self.case_batch

    def _place(self, planned: PlannedCase) -> bytes:
        return hashlib.sha256(f"{self.order_seed} {planned.key}".encode()).digest()


def plan_of(
    name: str,
    requests: Sequence[CaseOptions],
    device_of: Callable[[str], Device],
    order_seed: int = 0,
    case_batch: int = DEFAULT_CASE_BATCH,
    retry: Retry | None = None,
    grows: bool = False,
) -> Plan:
    """Decide everything about every case before anything starts. Cases that come to the same are one.

    Raises UsageError (and its like) naming the case that cannot be.
    """
    cases: dict[str, PlannedCase] = {}
    for request in requests:
        try:
            case = case_of(request, single=False, device=device_of(request.device))
        except UsageError as error:
            raise UsageError(f"{request.model or 'a file'} on {request.device}: {error}") from None
        key = request_key(case)
        cases.setdefault(key, PlannedCase(key, case, request))
    return Plan(name, tuple(cases.values()), order_seed, case_batch, grows, retry or Retry())
