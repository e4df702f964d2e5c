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
    text = str(error)
    said = isinstance(error, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY_WORDS)
    # Some runtimes only say that an operator "failed to prepare" when an allocation failed underneath.
    if said or memory_is_exhausted():
        return WorkerError(OUT_OF_MEMORY, "memory ran out %s: %s" % (doing, one_line(text)), OUT_OF_MEMORY_REMEDY)
    return None


def memory_is_exhausted() -> bool:
    """Whether this process has come near the limit on its address space, or the machine near its last free memory."""
    status, machine = _kilobytes("/proc/self/status"), _kilobytes("/proc/meminfo")
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and status.get("VmPeak", 0) * 1024 > 0.75 * limit:
        return True
    available = machine.get("MemAvailable")
    return available is not None and available < 0.02 * machine.get("MemTotal", 0)


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
