"""By what a campaign knows a case for good: a hash of everything that was asked for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.harness.case import Case

_EARLIEST_SETTINGS = {"power_mode": None, "lock_clocks": False}
"""Settings that are in the key of every case, asked for or not: campaigns that began before there were others go on."""
_LATER_EFFORT = {"most_rounds", "round_interval", "again"}
"""Fields of a protocol that say how often is measured, and that campaigns of before did not have."""


def request_key(case: Case) -> str:
    """16 hexadecimal digits: another request is another case, even of the same workload in the same setting.

    It is stored in records, so that a campaign goes on where it stopped: its fields must not change.
    """
    settings = dict(case.device.settings)
    asked: dict[str, Any] = {
        "model": case.spec.id,
        "inputs": [list(tensor.shape) for tensor in case.spec.inputs],
        "file": None if case.file is None else case.file.sha256,
        **({"input_values": values} if (values := _input_values(case)) else {}),
        "device": case.device.name,
        **{name: settings.pop(name, usual) for name, usual in _EARLIEST_SETTINGS.items()},
        **({"settings": settings} if settings else {}),
        "onnx_opset": case.device.onnx_opset,
        "runtime": case.runtime,
        "options": case.all_runtime_options(),
        "cpus": case.cpus,
        "protocol": case.protocol.model_dump(mode="json", exclude=_LATER_EFFORT),
        "rounds": case.rounds,
        **({} if case.file is not None or not case.asked_inputs else {"input_type": case.asked_inputs}),
        **({} if case.pipeline is None else {"pipeline": case.pipeline}),
        **({"preparation": case.preparation} if case.preparation else {}),
        **({} if case.photograph is None else {"photograph": case.photograph.sha256}),
        "batch": case.batch,
        "precision": case.precision,
        "output": case.output,
        "streams": case.streams,
        "weights": case.seed if case.weights is None else case.weights.sha256,
        # A case of another commit has to be measured again, however often the same campaign runs.
        **({"labels": case.labels} if case.labels else {}),
        **({} if case.check_image is None else {"check_image": case.check_image.sha256}),
    }
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _input_values(case: Case) -> dict[str, str]:
    """Hashes of the values that are given to a file's inputs."""
    inputs = () if case.file is None else case.file.inputs
    return {one.name: one.values_sha256 for one in inputs if one.values_sha256 is not None}
