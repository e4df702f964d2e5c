"""What a file computes otherwise than its network, because the runtime that it is for cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.harness.store.outcome import Flag

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Measured
    from latency_bench.harness.store.record import RunRecord

NAME = "changed_model"


def change_of(artifact: Mapping[str, Any]) -> str | None:
    """`a bilinear resize in place of a bicubic one`, from the facts of an export; None where nothing was changed."""
    network, file = artifact.get("upsampling_replaced"), artifact.get("upsampling")
    return f"a {file} resize in place of a {network} one" if network and file else None


def changed_model_flags(measured: Measured) -> list[Flag]:
    """Of a run with numbers."""
    change = change_of({} if measured.artifact is None else measured.artifact.facts)
    if change is None:
        return []
    return [
        Flag(
            name=NAME,
            severity="info",
            text=f"the file has {change}, and so has what its outputs are held to",
            remedy="say so where it is set beside a file that computes the network as it is",
        )
    ]


def unlike_models(sides: Sequence[RunRecord]) -> Iterator[Flag]:
    """Of a pair whose files were not changed alike: its ratio is of two computations."""
    changes = [change_of({} if side.artifact is None else side.artifact.facts) for side in sides]
    told = [f"side {number} has {change}" for number, change in enumerate(changes) if change]
    if len(set(changes)) > 1:
        yield Flag(
            name=NAME,
            severity="warning",
            text=f"the sides do not compute the same: {', '.join(told)}",
            remedy="say so beside the ratio; its runtime cannot do otherwise",
        )
