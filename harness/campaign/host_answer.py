"""What a host answers: bytes that are validated, never an object that is unpickled.

A line of JSON says who answers, and either the value or why there is none; behind it come the bytes that belong to it,
such as an archive of runs. That the work failed is part of the answer: an exception that Dask raises is always one of
the connection.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.campaign.host_identity import HostIdentity, this_host

HEADER_MAX_BYTES = 16 << 20
_MESSAGE_MAX = 2000


class WorkFailure(BaseModel):
    """Why a host could not do what it was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: str = Field(pattern=r"^[a-z][a-z-]{0,39}$")
    """As of a DeviceError; `request`: what was asked for is wrong; `host`: the host itself is in trouble."""
    message: str = Field(max_length=_MESSAGE_MAX)


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    host: HostIdentity
    value: JsonValue = None
    failure: WorkFailure | None = None


@dataclass(frozen=True)
class HostAnswer:
    """What came, and from whom."""

    host: HostIdentity
    value: Any
    failure: WorkFailure | None
    body: bytes = b""


class UnreadableAnswerError(ValueError):
    """Bytes that are no answer."""


def answering(work: Callable[..., tuple[Any, bytes]]) -> Callable[..., bytes]:
    """Turns what `work` returns (a JSON value, and bytes) or raises into an answer. Runs on the host."""

    @functools.wraps(work)
    def answered(*arguments: Any, **named: Any) -> bytes:
        try:
            value, body = work(*arguments, **named)
        except Exception as error:
            return sealed(HostAnswer(this_host(), None, _failure(error)))
        return sealed(HostAnswer(this_host(), value, None, body))

    return answered


def sealed(answer: HostAnswer) -> bytes:
    """As it travels."""
    header = _Header(host=answer.host, value=answer.value, failure=answer.failure)
    return header.model_dump_json().encode() + b"\n" + answer.body


def opened(content: object) -> HostAnswer:
    """The answer in what came from a host. Raises UnreadableAnswerError."""
    if not isinstance(content, bytes):
        raise UnreadableAnswerError("a host answered with something else than bytes")
    end = content.find(b"\n", 0, HEADER_MAX_BYTES)
    if end < 0:
        raise UnreadableAnswerError("a host's answer does not begin with a line that says who answers")
    try:
        header = _Header.model_validate_json(content[:end])
    except ValidationError as error:
        raise UnreadableAnswerError(f"a host sent an answer that cannot be read: {error.errors()[0]['msg']}") from None
    return HostAnswer(header.host, header.value, header.failure, content[end + 1 :])


def _failure(error: Exception) -> WorkFailure:
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.export.errors import CacheError, ExportError
    from latency_bench.harness.store.errors import StoreError
    from latency_bench.model_specs.errors import CheckpointError, SpecError

    kind, text = "host", str(error)
    if isinstance(error, (DeviceError, AbandonedError)):
        kind = error.kind
    elif isinstance(error, (UsageError, SpecError, CheckpointError)):
        kind = "request"
    elif isinstance(error, ModuleNotFoundError):
        text = f"the package {error.name} is not installed there"
    elif isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        text = f"{error.strerror or type(error).__name__}{where}"
    elif not isinstance(error, (StoreError, CacheError, ExportError)):
        text = f"{type(error).__name__}: {error}"
    message = f"{this_host().name}: {' '.join(text.split())}"
    return WorkFailure(kind=kind, message=message[:_MESSAGE_MAX])


class AbandonedError(RuntimeError):
    """Nobody wants the result any more."""

    kind = "abandoned"
