"""What benchmark_model, or the shell that starts it, says when it fails: the cause, its kind, and what to do.

The tool prints the cause first and its consequences after it ("Failed to allocate tensors!" follows every failure to
prepare, "Benchmarking failed." everything), between lines of the linker and of information. So the cause is the first
line that is neither. It is matched as a whole line against the table; a cause that is not in it is shown as it is.

Sources: TensorFlow's tools/benchmark, core/subgraph.cc and delegates/gpu/cl (cl_errors.cc, buffer.cc, texture2d.cc) at
1.14 to 2.16, LiteRT's tools at 2.1, libc++abi and libstdc++, Android's linker and mksh.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.brought_libraries import DISPATCH_NAMES
from latency_bench.devices.runners.process_end import how_it_ended, was_killed
from latency_bench.devices.transports.adb_words import shown
from latency_bench.devices.transports.base import Completed

_PREFIX = re.compile(r"^(?:native : [\w.]+:\d+ |)(?:└ ?)?(?:(?:ERROR|FATAL|error): )+(?:\[[^\]]*\] ?)?")
_NOISE = re.compile(
    r"(?:INFO|VERBOSE|WARNING|W|I|DEBUG)\b[:/ ].*"
    r"|STARTING!|Loaded model .*|(?:Log parameter values verbosely|Num threads|Min (?:num|warmup) runs.*|Graph|Use \w+"
    r"|Min runs duration.*|#threads used .*|NNAPI .*|Enable op profiling|Inter-run delay.*|Benchmark name"
    r"|Output prefix|Input (?:layers|shapes)|External delegate .*)\s?: ?\[.*"
    r"|.* delegate created\.?|The input model file size .*|Initialized session in .*|resolved reporter"
    r"|(?:count=|Running benchmark for|Inference timings).*|Duplicate flags: .*|Memory footprint delta.*"
    r"|Overall peak memory.*|Note: as the benchmark tool itself.*"
)
"""Lines that tell how things go, and not why they end."""
_CONSEQUENCE = re.compile(
    r"Benchmarking failed\.?|Failed to allocate tensors!?|Restored original execution plan after delegate application.*"
    r"|Node number \d+ \(.*\) failed to (?:prepare|invoke)\.?|Failed to initialize(?: the)? (?:interpreter|model).*"
    r"|Failed to (?:construct|create) interpreter.*|Failed to invoke!?|Benchmark failed.*"
    r"|Failed to compile model\.?"
)
"""Lines that follow from an earlier one. One of them is the reason only where there is nothing else."""
_APPLY = re.compile(r"Failed to apply (?P<delegate>.*) delegate\.?")
"""What follows from the delegate's own error, where it printed one."""

_NOT_LOADED = "{family} accelerator could not be loaded and registered"
"""LiteRT warns of it, whatever was asked for; of the one that was asked for it is the reason."""

_LESS_MEMORY = "close apps on the device, or choose a smaller model or resolution"
_CL_MEMORY = r"(?:Out of (?:host )?memory|Out of resources|Memory object allocation failure)"

_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"(?:libc\+\+abi: )?terminating (?:with|due to) uncaught exception of type std::bad_alloc(?:: .*)?"
        r"|terminate called after throwing an instance of 'std::bad_alloc'",
        "out-of-memory",
        _LESS_MEMORY,
    ),
    (
        rf"(?:TfLiteGpuDelegate \w+: )?Failed to .*(?:: | - ){_CL_MEMORY}(?:Error: Program not built!)?\.?",
        "out-of-memory",
        _LESS_MEMORY,
    ),
    (r"(?:.*: )?\[?GL_OUT_OF_MEMORY\]?(?:: .*)?", "out-of-memory", _LESS_MEMORY),
    (r".*: (?:Cannot allocate memory|Out of memory)\.?", "out-of-memory", _LESS_MEMORY),
    (
        r"No dispatch library found in .*|Dispatch library directory is not set.*",
        "runtime-failed",
        f"list {DISPATCH_NAMES} under `benchmark_model: {{libraries: [...]}}` in devices.yaml",
    ),
    (
        r"Failed to initialize Dispatch API.*|Failed to create a dispatch delegate kernel.*"
        r"|No usable Dispatch runtime found.*|Found Dispatch API with an unsupported version.*",
        "runtime-failed",
        "the vendor's libraries have to be those of this chip and of the tool's release: list all of them, also the "
        "skeleton for the chip's DSP, under `benchmark_model: {libraries: [...]}`",
    ),
    (
        _NOT_LOADED.format(family="(?:GPU|NPU)") + r".*",
        "runtime-failed",
        "list the accelerator's library (libLiteRtClGlAccelerator.so, libLiteRtDispatch_*.so) and what it needs under "
        "`benchmark_model: {libraries: [...]}` in devices.yaml",
    ),
    (
        r"(?:NNAPI acceleration is unsupported on this platform|Failed to apply NNAPI delegate)\.?",
        "runtime-failed",
        "this phone's NNAPI does not take the model: use litert-gpu, or the vendor's delegate (docs/android.md)",
    ),
    (
        r'CANNOT LINK EXECUTABLE .*: (?:library ".*" not found.*|cannot locate symbol .*|could not load library .*)',
        "runtime-failed",
        "push the library beside the tool, or use a build of the tool that links it statically (docs/android.md)",
    ),
    (
        r"only position independent executables \(PIE\) are supported\.?|.*: executable's TLS segment is underaligned.*"
        r"|.*: (?:not executable: magic \w+|Exec format error)",
        "runtime-failed",
        "this build of the tool is not for this Android or processor: use a newer one, for its architecture "
        "(docs/android.md)",
    ),
    (
        r".*: not executable: 64-bit ELF file",
        "runtime-failed",
        "this Android is a 32-bit system: use the tool's android_arm build (docs/android.md)",
    ),
    (
        r".*: not executable: 32-bit ELF file",
        "runtime-failed",
        "this Android has no 32-bit libraries: use the tool's android_aarch64 build (docs/android.md)",
    ),
    (
        r".*: (?:can't execute: )?Permission denied",
        "runtime-failed",
        "give the file its x bit (`adb shell chmod 755 FILE`), or let bench push it (`benchmark_model: {binary: ...}`)",
    ),
    (
        r".*: (?:inaccessible or )?(?:not found|No such file or directory)",
        "runtime-failed",
        "check `remote_binary` in devices.yaml, or let bench push the tool (`benchmark_model: {binary: ...}`)",
    ),
)
"""A cause as a whole line: the kind of failure, and what to do."""

_LONGEST_LINE = 2000
_GUIDE = "docs/android.md says where to get the tool"
_EVIDENCE = "its whole output is in the run's evidence/"


def failure_of(completed: Completed, family: str | None = None) -> WorkerError | None:
    """The error for a process of the tool that ended; None where it ended well. `family`: of the delegate that was
    asked for."""
    if completed.returncode == 0:
        return None
    cause = cause_of([*completed.stdout.splitlines(), *completed.stderr.splitlines()], family)
    for pattern, kind, remedy in _CAUSES:
        if cause is not None and re.fullmatch(pattern, cause):
            return WorkerError(kind, f"benchmark_model failed: {shown(cause)}", remedy)
    how = how_it_ended(completed.returncode)
    if was_killed(completed.returncode):
        # Nobody else on a phone kills a shell's processes; the low-memory killer does.
        return WorkerError("out-of-memory", f"benchmark_model {how}, most likely because memory ran out", _LESS_MEMORY)
    words = "it printed no reason" if cause is None else f"the tool said: {shown(cause)}"
    return WorkerError("runtime-failed", f"benchmark_model {how}; {words}", _EVIDENCE)


def cause_of(lines: Iterable[str], family: str | None = None) -> str | None:
    """The line that says why, without the tool's prefixes; None where no line does."""
    texts = [line.strip()[:_LONGEST_LINE] for line in lines]
    not_loaded = _NOT_LOADED.format(family=family)
    warned = [text[text.index(not_loaded) :] for text in texts if not_loaded in text]
    stripped = (_PREFIX.sub("", text) for text in texts if not _NOISE.fullmatch(text))
    told = [text for text in stripped if text]
    first_hand = [line for line in told if not _CONSEQUENCE.fullmatch(line) and not _APPLY.fullmatch(line)]
    applied = [line for line in told if _APPLY.fullmatch(line)]
    return next(iter([*first_hand, *warned, *applied, *told]), None)


def start_error(path: str, code: int, said: str) -> WorkerError | None:
    """The error for a tool that the shell or the linker did not start; None where it started."""
    cause = cause_of(said.splitlines())
    for pattern, kind, remedy in _CAUSES:
        if cause is not None and code != 0 and re.fullmatch(pattern, cause):
            return WorkerError(kind, f"{path} does not start: {shown(cause)}", remedy)
    if code in (126, 127):
        return WorkerError("runtime-failed", f"{path} does not start; the device said: {shown(said)}", _GUIDE)
    return None
