"""From the names that published checkpoints give to tensors to ours: rules, and what modules do with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from latency_bench.model_specs.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

Rules = Sequence[tuple[str, str]]
"""(regular expression, replacement): each is applied to every name, in this order."""


@runtime_checkable
class HasPublishedNames(Protocol):
    """A module that knows what published files call its tensors."""

    def from_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under our names. Our own names stay as they are, and so does what is unknown: loading refuses it.

        Raises CheckpointError where two tensors would have one name.
        """
        ...


def renamed(state: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """Raises CheckpointError where two tensors would have one name."""
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]
    result: dict[str, Tensor] = {}
    for key, tensor in state.items():
        name = key
        for pattern, replacement in compiled:
            name = pattern.sub(replacement, name)
        if name in result:
            raise CheckpointError(f"two tensors of the checkpoint are the model's {name}; one is {key}")
        result[name] = tensor
    return result


def without(state: Mapping[str, Tensor], *patterns: str) -> dict[str, Tensor]:
    """What no pattern matches from its beginning on: tensors that follow from the architecture, which we compute, and
    parts outside the module."""
    return {key: tensor for key, tensor in state.items() if not any(re.match(pattern, key) for pattern in patterns)}


def part_of(state: Mapping[str, Tensor], prefix: str, *others: str) -> dict[str, Tensor]:
    """The tensors below `prefix`, without it, of a file that holds them beside `others`; a file without the prefix is
    of the part alone, and stays as it is."""
    if not any(key.startswith(prefix) for key in state):
        return dict(state)
    kept = without(state, *map(re.escape, others))
    return {key.removeprefix(prefix): tensor for key, tensor in kept.items()}
