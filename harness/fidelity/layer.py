"""Which layer went wrong first, in a run whose outputs are not those of the model. Half precision overflows inside, and
what comes out may be finite all the same; so this is asked of every run whose outputs are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.case import shortest
from latency_bench.harness.store.outcome import FidelityRecord

if TYPE_CHECKING:
    from latency_bench.devices.device_session import DeviceSession
    from latency_bench.devices.runners.base import Deployment, RoundJob


def name_the_layer(
    fidelity: FidelityRecord,
    session: DeviceSession,
    deployment: Deployment,
    request: RoundJob,
    folder: Path,
    say: Callable[[str], None],
) -> FidelityRecord:
    """`fidelity`, and where it is not passed, with the first layer whose output is not finite in its reason.

    A process of its own looks for it, with the runtime and the options of the run. Unchanged where all layers are
    finite, and where the runner or the runtime cannot tell: the run has failed already, and no second failure is to
    hide the first.
    """
    if fidelity.passed is not False or not fidelity.metrics or not session.runtime(request.runtime).FINDS_NON_FINITE:
        return fidelity
    say("looking for the first layer that is not finite")
    # With the inputs that showed it.
    inputs = request.checks.get(fidelity.input or "", request.inputs)
    looking = dataclasses.replace(shortest(request), inputs=inputs, checks={}, find_non_finite=True)
    try:
        result = session.measure(deployment, looking, folder / "non-finite.npz", lambda _: None)
    except DeviceError:
        return fidelity
    found = result.done.get("non_finite")
    if not found:
        return fidelity
    wrong = int(found["nan_count"]) + int(found["infinite_count"])
    reason = (
        f"{fidelity.reason}; the first layer that is not finite is {found['layer']} ({found['operator']}): "
        f"{wrong} of {found['value_count']} values, {found['nan_count']} of them NaN"
    )
    return fidelity.model_copy(update={"reason": reason})
