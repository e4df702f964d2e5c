"""What a CUDA error means for the user. The libraries report them by number, by name or in words only."""

import re
from contextlib import contextmanager
from typing import Iterator, Tuple

from ..failure import OUT_OF_MEMORY, RUNTIME_FAILED, RUNTIME_MISSING, WorkerError, bad_request, one_line

GPU_OUT_OF_MEMORY = re.compile(
    r"out[ _]?of[ _]?memory|memoryallocation|bad_alloc|status_alloc_failed|insufficient memory"
    r"|cuda runtime \(in allocate at|user allocator error allocating"
    r"|requested amount of gpu memory .* could not be allocated",
    re.I,
)
"""Memory of a GPU that ran out, in the words of CUDA, cuBLAS, cuDNN, PyTorch and TensorRT. From 10.13 on TensorRT names
the place in its source (`Cuda Runtime (In allocate at ...`) where it said `out of memory` before."""
OUT_OF_GPU_MEMORY = "the GPU's memory ran out"
LESS_GPU_MEMORY = (
    "choose a smaller --batch or --resolution, or end other programs on the GPU (nvidia-smi lists them); while an "
    "engine is built, a smaller workspace (runtime option workspace_mb) helps too"
)

# (patterns of the error's words, in lower case; kind; what happened; remedy). The first that fits counts.
# Names and numbers: CUDA driver and runtime API reference, CUresult and cudaError_t.
_MEANINGS: Tuple[Tuple[Tuple[str, ...], str, str, str], ...] = (
    (
        ("driver version is insufficient", "insufficientdriver", "is too old", "forward compatibility"),
        RUNTIME_MISSING,
        "the NVIDIA driver is missing, or too old for this CUDA library",
        "install or update the driver (nvidia-smi shows its version), or install a library for an older CUDA",
    ),
    (
        (r"function \"?cu\w+\"? (is )?not found", "symbol not found", "sharedobjectsymbolnotfound"),
        RUNTIME_MISSING,
        "the NVIDIA driver lacks a function, being too old for this CUDA library",
        "update the driver (nvidia-smi shows its version), or install a library for an older CUDA",
    ),
    (
        ("display driver / cuda driver combination", "system_driver_mismatch", "systemdrivermismatch", "error 803"),
        RUNTIME_MISSING,
        "the parts of the NVIDIA driver are of different versions",
        "reboot after an update of the driver; in a container, start it anew",
    ),
    (
        ("system not yet initialized", "system_not_ready", "systemnotready", "error 802"),
        RUNTIME_MISSING,
        "the GPUs of this machine are not ready: their fabric manager does not run",
        "start it (systemctl start nvidia-fabricmanager), of the driver's own version, and look at nvidia-smi -q",
    ),
    (
        ("no cuda-capable device", "no cuda gpus", "nodevice", "no_device"),
        RUNTIME_MISSING,
        "no NVIDIA GPU can be used here",
        "check nvidia-smi, CUDA_VISIBLE_DEVICES and, in a container, that it was started with the GPU",
    ),
    (
        ("not compiled with cuda",),
        RUNTIME_MISSING,
        "this PyTorch was built without CUDA",
        "install one with CUDA (https://pytorch.org/get-started/locally), or choose another --runtime",
    ),
    (
        ("libcuda", "nvcuda", "stub library", "found no nvidia driver", "is an nvidia driver library"),
        RUNTIME_MISSING,
        "there is no NVIDIA driver here",
        "install the driver; without an NVIDIA GPU choose another --runtime",
    ),
    (
        ("initialization error", "not_initialized", "initializationerror"),
        RUNTIME_MISSING,
        "the NVIDIA driver does not start",
        "look at nvidia-smi and dmesg; in a container, that it was started with the GPU",
    ),
    (
        ("no kernel image", "no_binary_for_gpu", "nokernelimagefordevice", "invalid_ptx", "unsupported toolchain"),
        RUNTIME_MISSING,
        "this build of the library does not support the GPU",
        "install a build for its compute capability (the record names it), or choose another --runtime",
    ),
    (
        ("invalid device ordinal", "invaliddevice", "invalid_device"),
        "bad-request",
        "there is no GPU with this number",
        "choose another runtime option device=NUMBER (nvidia-smi -L lists them)",
    ),
    (
        ("busy or unavailable", "devices_unavailable", "devicesunavailable", "device_unavailable"),
        RUNTIME_FAILED,
        "another program has exclusive use of the GPU, or its mode does not allow any program to use it",
        "end the others (nvidia-smi lists them), or let several use it: nvidia-smi -c DEFAULT; MIG needs an instance",
    ),
    (
        ("mps client", "mps server", "mps control", "error_mps", "errormps"),
        RUNTIME_FAILED,
        "the GPU is shared by MPS, whose daemon does not answer",
        "start it (nvidia-cuda-mps-control -d), or leave it alone: unset CUDA_MPS_PIPE_DIRECTORY",
    ),
    (
        ("capture", "capturing"),
        RUNTIME_FAILED,
        "the CUDA graph could not be captured",
        "measure without it: runtime option cuda_graph=false",
    ),
    (
        (
            *("illegal memory access", "illegal_address", "illegaladdress", "illegal instruction"),
            *("illegal_instruction", "illegalinstruction", "misaligned", "device-side assert", "error_assert"),
            *("launch failure", "launch failed", "launch_failed", "launch timed out", "launch_timeout"),
        ),
        RUNTIME_FAILED,
        "a kernel failed on the GPU",
        "try another --precision or --runtime, and report it to its authors; dmesg, lines with Xid, says more",
    ),
    (
        (
            *("gpu is lost", "device lost", "fallen off", "ecc", "uncorrectable", "hardware", "unknown error"),
            *("error_unknown", "context is destroyed", "device unavailable"),
        ),
        RUNTIME_FAILED,
        "the GPU failed or went away",
        "look into the kernel's log (dmesg, lines with Xid); the GPU may need a reset or a reboot",
    ),
)  # fmt: skip


def cuda_failure(error: object, doing: str) -> WorkerError:
    """The WorkerError for a failed CUDA call: `error` is the library's exception or its words."""
    if isinstance(error, WorkerError):
        return error
    said = one_line(str(error) or type(error).__name__)
    words = ("%s %s" % (type(error).__name__, said)).lower()
    if GPU_OUT_OF_MEMORY.search(words):
        return WorkerError(OUT_OF_MEMORY, "%s, %s: %s" % (OUT_OF_GPU_MEMORY, doing, said), LESS_GPU_MEMORY)
    for signs, kind, meaning, remedy in _MEANINGS:
        if any(re.search(sign, words) for sign in signs):
            message = "%s, %s: %s" % (meaning, doing, said)
            return bad_request(message, remedy) if kind == "bad-request" else WorkerError(kind, message, remedy)
    return WorkerError(
        RUNTIME_FAILED, "CUDA failed %s: %s" % (doing, said), "update the driver and the CUDA library, and try again"
    )


@contextmanager
def cuda_errors(doing: str) -> Iterator[None]:
    """What a library raises in here becomes the WorkerError that says what it means. It takes a microsecond, and is not
    for what is done in every request."""
    try:
        yield
    except Exception as error:
        raise cuda_failure(error, doing)


def library_missing(library: str, error: object, install: str) -> WorkerError:
    """The library itself is not installed: another one may be tried."""
    missing = WorkerError(
        RUNTIME_MISSING, "%s is not usable here: %s" % (library, one_line(str(error))), "install it with: %s" % install
    )
    missing.library_missing = True  # type: ignore[attr-defined]
    return missing
