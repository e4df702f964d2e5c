"""What a CUDA error means for the user. The libraries report them by number, by name or in words only."""

from typing import Tuple

from ..failure import OUT_OF_MEMORY, RUNTIME_FAILED, RUNTIME_MISSING, WorkerError, bad_request, one_line

# (words of the error, in lower case; kind; what happened; remedy). The first that fits counts.
# Names and numbers: CUDA driver and runtime API reference, CUresult and cudaError_t.
_MEANINGS: Tuple[Tuple[Tuple[str, ...], str, str, str], ...] = (
    (
        ("out of memory", "memoryallocation", "out_of_memory", "outofmemory"),
        OUT_OF_MEMORY,
        "the GPU's memory ran out",
        "choose a smaller --batch or --resolution, or end other programs on the GPU (nvidia-smi lists them)",
    ),
    (
        ("insufficient", "driver version", "driver is too old", "forward compatibility", "system_driver_mismatch"),
        RUNTIME_MISSING,
        "the NVIDIA driver is missing, or too old for this CUDA library",
        "install or update the driver (nvidia-smi shows its version), or install a library for an older CUDA",
    ),
    (
        ("no cuda-capable device", "no cuda gpus", "nodevice", "no_device", "found no nvidia driver"),
        RUNTIME_MISSING,
        "no NVIDIA GPU can be used here",
        "check nvidia-smi, CUDA_VISIBLE_DEVICES and, in a container, that it was started with the GPU",
    ),
    (
        ("not compiled with cuda",),
        RUNTIME_MISSING,
        "this PyTorch is a build for processors alone",
        "install one with CUDA (https://pytorch.org/get-started/locally), or choose another --runtime",
    ),
    (
        ("libcuda", "nvcuda", "stub library", "not initialized"),
        RUNTIME_MISSING,
        "there is no NVIDIA driver here",
        "install the driver; without an NVIDIA GPU choose another --runtime",
    ),
    (
        ("invalid device ordinal", "invaliddevice", "invalid_device"),
        "bad-request",
        "there is no GPU of this number",
        "choose another runtime option device=NUMBER (nvidia-smi -L lists them)",
    ),
    (
        ("capture", "capturing"),
        RUNTIME_FAILED,
        "the CUDA graph could not be captured",
        "measure without it: runtime option cuda_graph=false",
    ),
    (
        (
            *("gpu is lost", "device lost", "fallen off", "unavailable", "ecc", "uncorrectable", "launch failure"),
            *("launch failed", "illegal memory access", "hardware", "unknown error", "context is destroyed", "mps"),
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
    for signs, kind, meaning, remedy in _MEANINGS:
        if any(sign in words for sign in signs):
            message = "%s, %s: %s" % (meaning, doing, said)
            return bad_request(message, remedy) if kind == "bad-request" else WorkerError(kind, message, remedy)
    return WorkerError(
        RUNTIME_FAILED, "CUDA failed %s: %s" % (doing, said), "update the driver and the CUDA library, and try again"
    )


def library_missing(library: str, error: object, install: str) -> WorkerError:
    """The library itself is not installed: another one may be tried."""
    missing = WorkerError(
        RUNTIME_MISSING, "%s is not usable here: %s" % (library, one_line(str(error))), "install it with: %s" % install
    )
    missing.library_missing = True  # type: ignore[attr-defined]
    return missing
