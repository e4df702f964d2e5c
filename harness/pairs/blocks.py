"""From the bursts of an alternation to what the ratio is made of: one log latency a side and block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latency_bench.devices.runners.alternation import Alternation
from latency_bench.harness.statistics.block_ratio import BlockRatio, block_ratio

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SideRequests:
    """A side's requests on command, in order; shape [requests], and as matrices [bursts, requests of a burst]."""

    latency_ns: Integers
    block: Integers
    """Which block the request's burst belongs to."""
    place: Integers
    """Of the burst within its block, from 0."""
    after_change: npt.NDArray[np.bool_]
    """Whether another side had the turn before this request's burst."""
    position: Integers
    """Of the request within its burst, from 0."""
    settled: npt.NDArray[np.bool_]
    """Its block is none of those that settle."""
    burst_size: int

    def kept(self, discarded: int) -> npt.NDArray[np.bool_]:
        """Which requests count, if so many are left out at the start of each burst."""
        return self.settled & (self.position >= discarded)

    def by_burst(self) -> Integers:
        """Latencies of the settled bursts, shape [bursts, burst_size]."""
        return self.latency_ns[self.settled].reshape(-1, self.burst_size)


def side_requests(found: Alternation, side: int) -> SideRequests:
    """What a side did, request by request."""
    mine = found.side == side
    size = int(found.count[mine][0])
    sides = len(found.sides)
    place = np.arange(found.side.size) % sides
    before = np.concatenate([[-1], found.side[:-1]])
    bursts = int(mine.sum())
    return SideRequests(
        latency_ns=found.sides[side].samples.latency_ns,
        block=np.repeat(found.block[mine], size),
        place=np.repeat(place[mine], size),
        after_change=np.repeat(before[mine] != side, size),
        position=np.tile(np.arange(size), bursts),
        settled=np.repeat(found.block[mine] >= found.settling_blocks, size),
        burst_size=size,
    )


def block_logs(requests: SideRequests, discarded: int) -> npt.NDArray[np.float64]:
    """Log of the median latency of what counts of each settled burst, shape [blocks]."""
    logs: npt.NDArray[np.float64] = np.log(np.median(requests.by_burst()[:, discarded:], axis=1))
    return logs


def log_ratios(sides: Sequence[SideRequests], discarded: Sequence[int]) -> list[BlockRatio]:
    """Of every side but the first against the first."""
    logs = [block_logs(one, left_out) for one, left_out in zip(sides, discarded, strict=True)]
    places = [one.place[one.settled].reshape(-1, one.burst_size)[:, 0] for one in sides]
    return [block_ratio(logs[0], logs[side], places[side] < places[0]) for side in range(1, len(sides))]
