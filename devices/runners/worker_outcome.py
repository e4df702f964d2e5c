"""What a worker that ended left behind: the error it told of, what its death means, or a round's result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench_worker.failure import process_limit
from bench_worker.files import file_sha256
from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.probes.address_space import address_space_limit_bytes
from latency_bench.devices.runners.base import (
    PIPELINE_PHASES,
    WHOLE_PIPELINE,
    WHOLE_REQUEST,
    Deployment,
    RoundResult,
)
from latency_bench.devices.runners.process_end import how_it_ended, was_killed, was_signalled
from latency_bench.devices.runners.worker_events import ErrorEvent, protocol_error
from latency_bench.devices.runners.worker_round import WorkerRound
from latency_bench.devices.transports.base import Completed, Transport

_LESS_MEMORY = "choose a smaller model, --resolution or --batch, or free memory on the device"
_OUT_OF_MEMORY_WORDS = ("std::bad_alloc", "Cannot allocate memory", "Memory allocation still failed", "MemoryError")


def round_result(
    transport: Transport,
    heard: WorkerRound,
    deployment: Deployment,
    outputs: str,
    outputs_to: Path,
    log: str,
    checks: Mapping[str, str],
) -> RoundResult:
    """A round that is done, its outputs (`outputs` on the device, and those of `checks` by name) brought here.

    Raises WorkerError."""
    check_artifact(heard, deployment)
    pull_outputs(transport, heard.outputs.path, heard.outputs.sha256, outputs, outputs_to)
    if len(heard.check_outputs) != len(checks):
        raise protocol_error(f"outputs for {len(heard.check_outputs)} checks, and was asked for {len(checks)}")
    check_outputs = {}
    for (name, path), saved in zip(checks.items(), heard.check_outputs, strict=True):
        check_outputs[name] = outputs_to.with_name(f"{outputs_to.stem}-{name}.npz")
        pull_outputs(transport, saved.path, saved.sha256, path, check_outputs[name])
    samples = heard.columns("sampling")
    return RoundResult(
        warmup=heard.columns("warmup"),
        samples=samples,
        hello=heard.hello,
        loaded=heard.loaded,
        done=heard.done,
        outputs=outputs_to,
        check_outputs=check_outputs,
        log=log,
        latency_covers=WHOLE_PIPELINE if PIPELINE_PHASES[0] in samples.phases_ns else WHOLE_REQUEST,
        sampled_unix_ns=_sampled_unix_ns(transport, heard),
    )


def check_paths(outputs: str, checks: Iterable[str]) -> dict[str, str]:
    """Where on the device the outputs of each check are written, beside those at `outputs`."""
    return {name: f"{outputs.removesuffix('.npz')}-{name}.npz" for name in checks}


def check_ended_well(
    transport: Transport,
    completed: Completed,
    error: ErrorEvent | None,
    is_done: bool,
    printed: str,
    program: str = "the measuring process",
) -> None:
    """Raise what a program of ours reported, or what its death means. `printed`: what is no event."""
    log = printed + completed.stderr
    said = last_line(completed.stderr if completed.stderr.strip() else printed)
    code = completed.returncode
    if error is not None:
        raise WorkerError(error.kind, error.message, error.remedy, log)
    if was_killed(code):
        # What the kernel does when memory runs out; nobody else on the device kills processes of ours.
        raise WorkerError(
            "out-of-memory",
            f"{program} was killed (SIGKILL), most likely because memory ran out",
            _LESS_MEMORY,
            log,
        )
    if code != 0 and any(words in completed.stderr for words in _OUT_OF_MEMORY_WORDS):
        if limit_bytes := address_space_limit_bytes(transport.read_text):
            limit = process_limit(limit_bytes, f"in {program}", said)
            raise WorkerError(limit.kind, limit.message, limit.remedy, log)
        raise WorkerError("out-of-memory", f"memory ran out in {program}: {said}", _LESS_MEMORY, log)
    if code != 0 or not is_done:
        remedy = "all that it printed is in the run's evidence/"
        if was_signalled(code):
            remedy = f"try another --runtime or a smaller --resolution; {remedy}"
        raise WorkerError("crashed", f"{program} {how_it_ended(code)}: {said}", remedy, log)


def check_artifact(heard: WorkerRound, deployment: Deployment) -> None:
    """No time is that of a file which is not the one that was deployed. Raises WorkerError (bad-artifact)."""
    loaded = heard.artifact
    if loaded.sha256 != deployment.sha256 or loaded.external_sha256 != dict(deployment.external_sha256):
        raise WorkerError(
            "bad-artifact",
            f"{deployment.path} on the device was changed after it was brought there: SHA-256 {loaded.sha256}, not "
            f"{deployment.sha256}",
            "measure again, and let nothing write to it meanwhile",
        )


def pull_outputs(transport: Transport, written: str | None, sha256: str | None, path: str, to: Path) -> None:
    """The file of outputs that was asked for, as the worker wrote it. Raises WorkerError (protocol)."""
    if written != path:
        raise protocol_error(f"its outputs as {written!r}, and was asked for {path!r}")
    transport.pull(path, to)
    if file_sha256(str(to)) != sha256:
        raise protocol_error("outputs that are not those in its file (SHA-256)")


def _sampled_unix_ns(transport: Transport, heard: WorkerRound) -> tuple[int, int] | None:
    """From the worker's clock to ours, so that readings taken here can be told to fall into it."""
    samples = heard.columns("sampling")
    try:
        offset_ns = transport.clock_offset_ns()
    except DeviceError:
        return None
    first_ns = heard.hello["clock"]["origin_unix_ns"] - offset_ns
    return first_ns + int(samples.start_ns[0]), first_ns + int(samples.start_ns[-1] + samples.latency_ns[-1])


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "nothing was printed"
