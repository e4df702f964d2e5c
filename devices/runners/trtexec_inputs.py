"""What trtexec is told of its inputs: their sizes, and the files of their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.pushed_inputs import pushed_inputs
from latency_bench.devices.transports.base import Transport


def shape_flags(inputs: Sequence[dict[str, Any]], resized: Sequence[str]) -> list[str]:
    """The sizes of inputs that the file leaves open, for building and for measuring alike: trtexec makes an
    optimisation profile of them alone. Raises WorkerError for a name that its flag cannot have."""
    parts = []
    for described in inputs:
        if described["name"] in resized:
            _check_name(described["name"])
            parts.append(f"{described['name']}:{'x'.join(map(str, described['shape']))}")
    return [f"--shapes={','.join(parts)}"] if parts else []


def _check_name(name: str) -> None:
    # Both are separators of the flags.
    if any(character in name for character in ",:"):
        raise WorkerError("bad-request", f"trtexec cannot be given an input called {name!r}")


@contextmanager
def given_inputs(transport: Transport, inputs: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """The flags that name the inputs, which are on the device meanwhile."""
    for described in inputs:
        _check_name(described["name"])
    with pushed_inputs(transport, inputs) as pushed:
        # Commands run in the session's folder, whose own path might have a separator.
        folder = f"{transport.workdir}/"
        yield [f"--loadInputs={','.join(f'{one.name}:{one.path.removeprefix(folder)}' for one in pushed)}"]
