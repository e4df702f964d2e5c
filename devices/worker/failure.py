"""The one exception of the worker, and what any other exception means."""

import resource
from typing import Dict, Optional

BAD_REQUEST = "bad-request"
BAD_ARTIFACT = "bad-artifact"
RUNTIME_MISSING = "runtime-missing"
PYTHON = "python"
"""This Python cannot run the worker at all."""
RUNTIME_FAILED = "runtime-failed"
OUT_OF_MEMORY = "out-of-memory"
PROCESS_LIMIT = "process-limit"
"""A limit that the process was started with (`ulimit -v`) kept it from memory that the machine may have."""
STORAGE = "storage"
INTERRUPTED = "interrupted"
INTERNAL = "internal"

EXIT_CODES: Dict[str, int] = {BAD_REQUEST: 2}
"""Exit code by kind of failure; 1 where a kind is not named. Interrupted is 128 + the signal's number."""

# What allocators say when they wrap the failure in an exception of another type: std::bad_alloc through pybind11,
# PyTorch's DefaultCPUAllocator, ONNX Runtime's arena.
_OUT_OF_MEMORY_WORDS = (
    "bad_alloc",
    "bad allocation",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "failed to allocate memory",
    "out of memory",
)
OUT_OF_MEMORY_REMEDY = "choose a smaller input size or batch, or free memory on the device"
PROCESS_LIMIT_REMEDY = "lift it where bench is started: ulimit -v unlimited"


class WorkerError(Exception):
    """Something that ends the measurement. `kind` is for programs, `message` and `remedy` are for people."""

    def __init__(self, kind: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.remedy = remedy

    @property
    def exit_code(self) -> int:
        return EXIT_CODES.get(self.kind, 1)


def bad_request(message: str, remedy: str = "") -> WorkerError:
    return WorkerError(BAD_REQUEST, message, remedy)


def out_of_memory(error: BaseException, doing: str) -> Optional[WorkerError]:
    """The failure that `error` stands for if it says that memory ran out, else None."""
    text = str(error) or type(error).__name__
    said = isinstance(error, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY_WORDS)
    machine = _kilobytes("/proc/meminfo")
    limit_bytes = resource.getrlimit(resource.RLIMIT_AS)[0]
    # Some runtimes only say that an operator "failed to prepare" when an allocation failed underneath.
    if machine.get("MemAvailable", 1) < 0.02 * machine.get("MemTotal", 0):
        said = True
    elif 0 < limit_bytes < machine.get("MemTotal", 0) * 1024:
        peak_bytes = _kilobytes("/proc/self/status").get("VmPeak", 0) * 1024
        return process_limit(limit_bytes, doing, text) if said or peak_bytes > 0.75 * limit_bytes else None
    if said:
        return WorkerError(OUT_OF_MEMORY, "memory ran out %s: %s" % (doing, one_line(text)), OUT_OF_MEMORY_REMEDY)
    return None


def process_limit(limit_bytes: int, doing: str, text: str) -> WorkerError:
    """The failure of a process whose address space is limited."""
    message = "the address space of this process is limited to %.1f GB (ulimit -v), which did not suffice %s: %s"
    return WorkerError(PROCESS_LIMIT, message % (limit_bytes / 1e9, doing, one_line(text)), PROCESS_LIMIT_REMEDY)


def _kilobytes(path: str) -> Dict[str, int]:
    """The `name: number kB` lines of a file of procfs; none where there is no such file."""
    try:
        with open(path) as stream:
            words = [line.split() for line in stream]
    except OSError:
        return {}
    return {line[0].rstrip(":"): int(line[1]) for line in words if len(line) == 3 and line[2] == "kB"}


def one_line(text: str, limit: int = 300) -> str:
    """Text of a library's exception, fit for one line of a terminal."""
    joined = " ".join(text.split())
    return joined if len(joined) <= limit else joined[: limit - 3] + "..."
